import type { ErrorKind } from '@slipway/service-kit';

/** The stager's own errors; those of images and registries are in packages/oci. */
export const stagerErrors = {
  STAGER_INTERNAL: { kind: 'internal', means: 'A fault of the stager; its log has it. Staging again may help.' },
  REGISTRY_CHECK_DEADLINE: {
    kind: 'timeout',
    means: 'It was not found out in time whether a registry takes a user name and password.',
  },
  REGISTRY_LOGIN_NOT_ASKED: {
    kind: 'unauthenticated',
    means: 'The registry answers whoever asks: it never looked at the user name and password.',
  },
  STAGING_DEADLINE: {
    kind: 'timeout',
    means: 'The build was not staged before its deadline, 15 minutes after it began.',
  },
  STAGING_COPY_DEADLINE: {
    kind: 'timeout',
    means: "The image was not copied into the platform's own registry before the deadline of the build.",
  },
  DROPLET_REGISTRY_REFUSED: {
    kind: 'forbidden',
    means: "The reference names one of the platform's own copies; only the platform reads those.",
  },
} as const satisfies Record<string, { readonly kind: ErrorKind; readonly means: string }>;

export type StagerErrorCode = keyof typeof stagerErrors;
