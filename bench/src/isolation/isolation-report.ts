/** What came of each probe and of each escape, by their names. */
export interface IsolationReport {
  /** Of the engine, where it has one. */
  readonly version?: string;
  readonly probes: Readonly<Record<string, string>>;
  readonly escapes: Readonly<Record<string, string>>;
}
