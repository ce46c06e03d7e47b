import { expect, test } from 'vitest';
import { decideVerification } from './verification.ts';

const accepted = { outcome: 'accepted', detail: 'yes' } as const;
const refused = { outcome: 'refused', code: 'REGISTRY_UNAUTHORIZED', detail: 'no' } as const;
const unanswered = { outcome: 'unanswered', code: 'REGISTRY_UNREACHABLE', detail: 'down' } as const;

test.each([
  [true, true, accepted, 'verified', 'apply', 'yes'],
  [true, false, accepted, 'verified', 'apply', 'yes'],
  [false, true, accepted, 'verified', 'apply', 'yes'],
  [true, true, refused, 'failed', 'forget', 'no. The former user name and password stay in use'],
  [true, false, refused, 'failed', 'keep', 'no. These credentials are not used'],
  [false, true, refused, 'failed', 'keep', 'no. This user name and password stay in use'],
  [true, true, unanswered, 'failed', 'keep', expect.stringMatching(/^down\. The former .* verify the new ones again/)],
  [true, false, unanswered, 'failed', 'keep', 'down. These credentials are not used'],
  [false, true, unanswered, 'failed', 'keep', 'down. This user name and password stay in use'],
] as const)('offered %s, in use %s, %j', (offered, inUse, outcome, state, then, detail) => {
  const verification = decideVerification({ offered, inUse }, outcome);
  expect(verification).toEqual({
    state,
    detail,
    offered: then,
    code: outcome.outcome === 'accepted' ? null : outcome.code,
  });
});
