/** A process that the supervisor keeps running. */
export interface ProcessSpec {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Absent: as the supervisor itself. */
  readonly user?: { readonly uid: number; readonly gid: number };
  /** May listen on ports below 1024 though it is not root. */
  readonly bindsLowPorts?: boolean;
  /** Where the supervisor takes connections for it: it is started for the first, and is handed each. */
  readonly door?: { readonly host: string; readonly port: number };
  /** Answers 200 once the process can work, e.g. `http://127.0.0.1:20001/readyz`; or a nats-server, `nats://…`. */
  readonly readyUrl: string;
  /** Names of those that must be ready before this one is started. */
  readonly dependsOn: readonly string[];
  /** At a stop the processes of a lower wave go first. */
  readonly stopWave: number;
  /** From SIGTERM to SIGKILL. */
  readonly stopDeadlineMs: number;
}

/** What is known of a supervised process. */
export interface ProcessStatus {
  readonly name: string;
  /** Absent while it is not running. */
  readonly pid: number | undefined;
  readonly ready: boolean;
  /** How often it was started anew after an end that nobody asked for. */
  readonly restarts: number;
}
