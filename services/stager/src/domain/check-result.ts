import type { RegistryCheckResult } from '@slipway/contracts';
import { type LoginAnswer, OciError } from '@slipway/oci';
import { CodedError, describeError } from '@slipway/service-kit';
import type { StagerErrorCode } from '../errors.ts';

type Finding = Pick<RegistryCheckResult, 'outcome' | 'code' | 'detail'>;

/** The registry let the user in, or never asked who it is. */
export function checkAnswered({ asked, detail }: LoginAnswer): Finding {
  return {
    outcome: 'accepted',
    ...(asked ? {} : { code: 'REGISTRY_LOGIN_NOT_ASKED' satisfies StagerErrorCode }),
    detail,
  };
}

/** Tells a registry that says no from one that could not be asked. */
export function checkFailed(error: unknown): Finding {
  if (error instanceof OciError) {
    const refused = error.code === 'REGISTRY_UNAUTHORIZED' || error.code === 'REGISTRY_FORBIDDEN';
    return { outcome: refused ? 'refused' : 'unanswered', code: error.code, detail: error.message };
  }
  if (error instanceof CodedError && error.code === 'SEAL_BROKEN') {
    return { outcome: 'unanswered', code: error.code, detail: 'this stager cannot open the credentials' };
  }
  return {
    outcome: 'unanswered',
    code: 'STAGER_INTERNAL' satisfies StagerErrorCode,
    detail: `the stager failed: ${describeError(error)}`,
  };
}

export function checkDeadlineExceeded(registry: string): Finding {
  return {
    outcome: 'unanswered',
    code: 'REGISTRY_CHECK_DEADLINE' satisfies StagerErrorCode,
    detail: `${registry} was asked and did not answer in time`,
  };
}
