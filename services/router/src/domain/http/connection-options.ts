/** What the Connection fields of a message ask for (RFC 9110 7.6.1). */
export interface ConnectionOptions {
  readonly close: boolean;
  readonly keepAlive: boolean;
  readonly upgrade: boolean;
  /** Lower-case names of further fields that are for the next hop only. Empty in nearly every message. */
  readonly named: ReadonlySet<string>;
}

const NOTHING_NAMED: ReadonlySet<string> = new Set();
export const noConnectionOptions: ConnectionOptions = {
  close: false,
  keepAlive: false,
  upgrade: false,
  named: NOTHING_NAMED,
};

/** Adds what one Connection field says to `before`. */
export function readConnectionOptions(value: string, before: ConnectionOptions): ConnectionOptions {
  let { close, keepAlive, upgrade } = before;
  let named: Set<string> | undefined;
  for (const part of value.split(',')) {
    const option = part.trim().toLowerCase();
    if (option === 'close') close = true;
    else if (option === 'keep-alive') keepAlive = true;
    else if (option === 'upgrade') upgrade = true;
    else if (option !== '') {
      named ??= new Set(before.named);
      named.add(option);
    }
  }
  return { close, keepAlive, upgrade, named: named ?? before.named };
}
