import { challenges } from './families/challenges.test-support.ts';
import { certificates, resets } from './families/connections.test-support.ts';
import { lies, ranges } from './families/contents.test-support.ts';
import { encodings } from './families/encodings.test-support.ts';
import { endlessness } from './families/endlessness.test-support.ts';
import { framing } from './families/framing.test-support.ts';
import { patience } from './families/patience.test-support.ts';
import { rebinding } from './families/rebinding.test-support.ts';
import { redirects } from './families/redirects.test-support.ts';
import { slowness } from './families/slowness.test-support.ts';
import { tokenAnswers } from './families/token-answers.test-support.ts';
import { tokenRealms } from './families/token-realms.test-support.ts';
import type { Family } from './hostile-registry.test-support.ts';

/** Every hostile registry, by what it tries. docs/hostile-registries.md is made from this. */
export const HOSTILE_REGISTRIES: readonly Family[] = [
  tokenRealms,
  redirects,
  rebinding,
  challenges,
  tokenAnswers,
  slowness,
  endlessness,
  framing,
  encodings,
  resets,
  certificates,
  patience,
  lies,
  ranges,
];
