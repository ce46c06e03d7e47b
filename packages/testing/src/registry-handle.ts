/** A running registry, however it was started. */
export interface RegistryHandle {
  readonly kind: 'process' | 'container';
  /** Why it is of this kind, for a line in the log. */
  readonly reason: string;
  readonly host: string;
  readonly port: number;
  /** `host:port`, the registry part of references. */
  readonly address: string;
  /** Ends it and removes what it stored. */
  stop(): Promise<void>;
}
