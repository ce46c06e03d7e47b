const MIN_LENGTH = 3;
const MAX_LENGTH = 253;
/** RFC 1035 2.3.1 with RFC 1123's leading digits. */
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i;

/** What is wrong with a domain's name, in cloud_controller_ng's words (`domain_create_message.rb`). */
export function domainNameProblems(name: string): string[] {
  const problems: string[] = [];
  if (name.length < MIN_LENGTH) problems.push(`Name is too short (minimum is ${MIN_LENGTH} characters)`);
  if (name.length > MAX_LENGTH) problems.push(`Name is too long (maximum is ${MAX_LENGTH} characters)`);
  const labels = name.split('.');
  if (labels.length < 2) problems.push("Name must contain at least one '.'");
  if (!labels.every((label) => LABEL.test(label))) problems.push('Name does not comply with RFC 1035 standards');
  return problems;
}

export interface OwnedName {
  readonly name: string;
  /** Null: shared with everyone. */
  readonly organizationGuid: string | null;
}

export type DomainConflict =
  | { readonly kind: 'taken' }
  /** Routes of the one could take over names of the other. */
  | { readonly kind: 'overlaps'; readonly name: string };

/**
 * Why a domain cannot be made beside those that there are. Names within another organization's private domain, or
 * above it, are that organization's; and nobody gets a private domain above a shared one (cloud_controller_ng
 * `domain.rb`, `private_domain.rb`).
 */
export function domainConflict(wanted: OwnedName, existing: readonly OwnedName[]): DomainConflict | undefined {
  const name = wanted.name.toLowerCase();
  for (const other of existing) {
    const otherName = other.name.toLowerCase();
    if (otherName === name) return { kind: 'taken' };
    const above = otherName.endsWith(`.${name}`);
    const below = name.endsWith(`.${otherName}`);
    if (!above && !below) continue;
    const foreign = other.organizationGuid !== null && other.organizationGuid !== wanted.organizationGuid;
    const aboveShared = above && other.organizationGuid === null && wanted.organizationGuid !== null;
    if (foreign || aboveShared) return { kind: 'overlaps', name: other.name };
  }
  return undefined;
}

/** The name and all names above it: `a.b.c` gives `a.b.c`, `b.c`, `c`. */
export function namesAbove(name: string): string[] {
  const labels = name.toLowerCase().split('.');
  return labels.map((_, index) => labels.slice(index).join('.'));
}
