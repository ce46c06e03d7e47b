/** What a stager found out about a user name and password. */
export interface CheckOutcome {
  readonly outcome: 'accepted' | 'refused' | 'unanswered';
  readonly code?: string | undefined;
  readonly detail: string;
}

export interface Verification {
  readonly state: 'verified' | 'failed';
  readonly code: string | null;
  readonly detail: string;
  /** What becomes of new credentials that wait for this: they come into use, wait on, or are forgotten. */
  readonly offered: 'apply' | 'keep' | 'forget';
}

/**
 * What follows from a check. New credentials come into use when the registry takes them. A registry that refuses them is
 * believed, and the former ones stay; one that could not be asked says nothing about them, so they are kept to be asked
 * about again.
 */
export function decideVerification(
  { offered, inUse }: { readonly offered: boolean; readonly inUse: boolean },
  { outcome, code, detail }: CheckOutcome,
): Verification {
  if (outcome === 'accepted') return { state: 'verified', code: null, detail, offered: 'apply' };
  const failed = { state: 'failed', code: code ?? null } as const;
  if (!offered) {
    return { ...failed, offered: 'keep', detail: `${detail}. This user name and password stay in use` };
  }
  if (!inUse) return { ...failed, offered: 'keep', detail: `${detail}. These credentials are not used` };
  if (outcome === 'refused') {
    return { ...failed, offered: 'forget', detail: `${detail}. The former user name and password stay in use` };
  }
  const kept = 'The former user name and password stay in use; verify the new ones again when the registry answers';
  return { ...failed, offered: 'keep', detail: `${detail}. ${kept}` };
}
