import type { StagingResult } from '@slipway/contracts';

type Failure = Extract<StagingResult, { outcome: 'failed' }>['error'];

/** What each phase was about, in the user's words. */
const phases: Readonly<Record<Failure['phase'], string>> = {
  credentials: 'reading the registry credentials',
  reference: 'reading the image reference',
  authentication: 'authenticating with the registry',
  resolve: 'resolving the image',
  manifest: 'fetching the image manifest',
  platform: 'choosing the image for this platform',
  config: 'fetching the image config',
  policy: 'checking the image',
  copy: "copying the image into the platform's registry",
  deadline: 'staging in time',
  internal: 'running the stager',
};

/** What `build.error` is made of: Cloud Foundry's error id and a text. */
export interface BuildError {
  readonly errorId: 'StagingError' | 'StagingTimeExpired';
  readonly description: string;
}

/** Names the step and the cause: on Cloud Foundry all that users see is "staging failed". */
export function stagingFailure(error: Failure): BuildError {
  const text = `${phases[error.phase]}: ${error.message}`;
  return error.phase === 'deadline'
    ? { errorId: 'StagingTimeExpired', description: `Staging time expired: ${text}` }
    : { errorId: 'StagingError', description: `Staging error: ${text}` };
}

/** For a build that nobody answered. */
export function stagingExpired(timeoutS: number): BuildError {
  return {
    errorId: 'StagingTimeExpired',
    description: `Staging time expired: no stager had a result within ${timeoutS} s`,
  };
}

/** As the API shows it (cloud_controller_ng `build_presenter.rb`). */
export function buildErrorText(errorId: string | null, description: string | null): string | null {
  if (errorId === null) return null;
  return description === null ? errorId : `${errorId} - ${description}`;
}
