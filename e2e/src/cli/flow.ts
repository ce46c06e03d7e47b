import type { CfClient } from '@slipway/testing';
import type { Expected, Outcome } from './command-runner.ts';

/** Somebody with a `CF_HOME` of their own. */
export interface Actor {
  readonly name: string;
  /** Runs a command. When it fails that is noted, and the flow goes on; the flow fails at its end. */
  cf(args: readonly string[], expected?: Expected): Promise<Outcome>;
}

/** Images that the flows push. */
export interface FlowImages {
  readonly good: string;
  /** The same again, with another tag. */
  readonly other: string;
  /** Ends at once with status 1. */
  readonly broken: string;
  /** In a registry that wants a user name and a password. */
  readonly guarded: string;
  readonly guardedUser: string;
  readonly guardedPassword: string;
}

/** What a flow is given. */
export interface FlowSession {
  readonly images: FlowImages;
  readonly platformUrl: string;
  /** As the administrator, beside the CLI, for what the CLI does not show. */
  readonly api: CfClient;
  /** The administrator; not logged in yet. */
  readonly admin: Actor;
  readonly adminPassword: string;
  actor(name: string): Actor;
  /** A name that nobody else uses, e.g. of an app: begins with the run and the flow. */
  name(part: string): string;
  /** A password of letters and digits that no recording will show. */
  password(name: string): string;
  /** A file in the directory where the commands run. */
  write(name: string, text: string): Promise<void>;
  read(name: string): Promise<string>;
  /** Something to hold that the CLI does not show. A failure is noted, and the flow goes on. */
  check(what: string, holds: () => Promise<void>): Promise<void>;
  /** Asks until it holds. */
  eventually(what: string, holds: () => Promise<void>): Promise<void>;
  /** A line for the report. */
  note(text: string): void;
  /** Whether commands are recorded ones, which write no files and say nothing. */
  readonly recorded: boolean;
}

/** A row of commands that build upon one another. Flows of one run go side by side: they share nothing but the platform. */
export interface Flow {
  /** Of lower-case letters and dashes: the name of its recording. */
  readonly name: string;
  readonly run: (session: FlowSession) => Promise<void>;
}

/** Logs the administrator in, makes an organization and a space of the flow's own, and targets them. */
export async function inOwnSpace(session: FlowSession): Promise<Actor> {
  const { admin } = session;
  await loggedIn(session);
  await admin.cf(['create-org', session.name('org')]);
  await admin.cf(['create-space', session.name('space'), '-o', session.name('org')]);
  await admin.cf(['target', '-o', session.name('org'), '-s', session.name('space')]);
  return admin;
}

export async function loggedIn({ admin, platformUrl, adminPassword }: FlowSession): Promise<void> {
  await admin.cf(['api', platformUrl], { says: ['API version:'] });
  await admin.cf(['auth', 'admin', adminPassword]);
}
