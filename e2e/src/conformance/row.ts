/** What of an image config a case sets; the rest is that of the plain image. */
export interface ImageFields {
  /** The config's own `config` object, in Docker's spelling, over `Entrypoint: ["/bin/report"]`. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Beside it: `architecture`, `created`, `history`, … */
  readonly top?: Readonly<Record<string, unknown>>;
  /** Files of a second layer. */
  readonly files?: readonly {
    readonly name: string;
    readonly content?: string;
    readonly mode?: number;
    readonly uid?: number;
    readonly gid?: number;
    readonly linkName?: string;
    readonly pax?: Readonly<Record<string, string>>;
  }[];
}

/** What the user of the platform sets. */
export interface AppSettings {
  readonly command?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Shell script that the image's program runs at the end of its report. */
  readonly probe?: string;
  /** The same, in the program itself. */
  readonly setting?: string;
  /** Default: `process`, so that what does not listen runs too. */
  readonly healthCheck?: 'port' | 'process';
  readonly features?: readonly string[];
}

/** What must be seen of it. All that is named is compared, as by `toMatchObject`. */
export interface Seen {
  /** The program's arguments. */
  readonly args?: readonly string[];
  readonly cwd?: string;
  /** uid:gid and all groups. */
  readonly user?: string;
  /** Null: there is no such variable. */
  readonly env?: Readonly<Record<string, string | null>>;
  /** Lines that the probe wrote, in their order. */
  readonly probe?: readonly string[];
  /** Lines of the app's log, as `SOURCE: text`, once it was told to stop. */
  readonly stopped?: readonly string[];
  /** In the log line of a crash, or the answer to the start. */
  readonly refused?: string;
  /** In the error of the build. */
  readonly notStaged?: string;
  /** In the log, whenever. */
  readonly logged?: string;
}

/** One try on a real container. */
export interface Case {
  readonly name: string;
  readonly image: ImageFields;
  readonly app?: AppSettings;
  readonly see: Seen;
}

/** A field of an image config: what becomes of it where, and what shows that. */
export interface Row {
  readonly field: string;
  readonly docker: string;
  readonly cloudFoundry: string;
  readonly slipway: string;
  readonly cases: readonly Case[];
}
