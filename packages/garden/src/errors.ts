import { CodedError, type ErrorKind } from '@slipway/service-kit';

/** Every code of this package: its kind, and what it means to whoever reads it. docs/errors.md is made from this. */
export const GARDEN_ERRORS = {
  LAYER_MEDIA_TYPE_UNSUPPORTED: { kind: 'invalid', means: 'The layer is of a media type that cells cannot unpack.' },
  LAYER_DIGEST_MALFORMED: { kind: 'invalid', means: 'A digest or diffID is not `sha256:` and 64 hex digits.' },
  LAYER_DIGEST_MISMATCH: { kind: 'invalid', means: "The bytes received do not have the layer's digest." },
  LAYER_DIFF_ID_MISMATCH: {
    kind: 'invalid',
    means: 'The unpacked bytes do not have the diffID of the image config.',
  },
  LAYER_SIZE_MISMATCH: { kind: 'invalid', means: 'More or fewer bytes came than the manifest says.' },
  LAYER_FETCH_FAILED: { kind: 'unavailable', means: 'The layer could not be downloaded.' },
  LAYER_COMPRESSION_INVALID: { kind: 'invalid', means: 'The gzip or zstd data of the layer is damaged.' },
  LAYER_TAR_INVALID: {
    kind: 'invalid',
    means: 'The layer is not a tar archive that can be understood in one way only.',
  },
  LAYER_PATH_INVALID: { kind: 'invalid', means: 'An entry of the layer has a path that no layer may have.' },
  LAYER_ENTRY_INVALID: { kind: 'invalid', means: 'An entry of the layer cannot be applied.' },
  LAYER_LIMIT_EXCEEDED: { kind: 'exhausted', means: 'The layer is over a limit; the message has both figures.' },
  LAYER_STORE_FULL: {
    kind: 'exhausted',
    means: 'The layer store has no room, and nothing that it may remove; the message has the figures.',
  },
  LAYER_STORE_FAILED: { kind: 'internal', means: 'The layer store could not read or write its own files.' },
  LAYER_ARCHIVE_FAILED: {
    kind: 'internal',
    means: 'The tar archive of a layer could not be made again from what is unpacked, for another cell.',
  },
  IMAGE_TOO_LARGE: {
    kind: 'invalid',
    means: 'The image or one of its layers is above the limit that the operator set.',
  },
  IMAGE_TOO_MANY_LAYERS: {
    kind: 'invalid',
    means: 'The image has more layers than overlayfs can join, or than the operator allows.',
  },
  IMAGE_ID_UNMAPPED: {
    kind: 'invalid',
    means: 'The files and users of the image have more different uids and gids above 65,535 than a container can have.',
  },
  IMAGE_MOUNT_POINT_INVALID: {
    kind: 'invalid',
    means: 'The image has something else than a directory at /dev, /proc or /sys.',
  },
  IMAGE_FILE_INVALID: {
    kind: 'invalid',
    means: 'A file of the image that the cell must read is too large or not a file.',
  },
  USER_INVALID: {
    kind: 'invalid',
    means: "The user of the image or process is not of Docker's form, or out of range.",
  },
  USER_NOT_FOUND: { kind: 'not-found', means: 'The image has no such user or group.' },
  PROCESS_NO_COMMAND: { kind: 'invalid', means: 'Neither the image nor the app says what to run.' },
  PROCESS_EXECUTABLE_NOT_FOUND: { kind: 'not-found', means: 'The image has no such executable.' },
  PROCESS_WORKDIR_INVALID: { kind: 'invalid', means: 'The working directory cannot be used.' },
  PROCESS_ENV_INVALID: { kind: 'invalid', means: 'A variable has no name, or a NUL in it.' },
  CONTAINER_EXISTS: { kind: 'conflict', means: 'A container of this handle exists.' },
  CONTAINER_NOT_FOUND: { kind: 'not-found', means: 'There is no container of this handle.' },
  CONTAINER_STATE: { kind: 'conflict', means: 'The container is in a state that does not allow this.' },
  CONTAINER_HANDLE_INVALID: {
    kind: 'invalid',
    means: 'Handles are 1 to 64 letters, digits, dots, dashes or underscores.',
  },
  CONTAINER_FILES_INVALID: {
    kind: 'invalid',
    means: 'A file for a container has a path that is not made of plain names, or that another has too.',
  },
  CONTAINER_DISK_FAILED: {
    kind: 'internal',
    means: "What holds a container's writable layer at its limit could not be set up or removed.",
  },
  CELL_DISK_FULL: {
    kind: 'exhausted',
    means: "The cell's disk has no room for the files of another container; the message has the figures.",
  },
  VOLUME_INVALID: {
    kind: 'invalid',
    means:
      'A volume cannot be mounted where it is asked for: the path is not a directory of the image, or of the kernel.',
  },
  VOLUME_NOT_FOUND: { kind: 'not-found', means: 'The host has no directory at the path of a volume.' },
  VOLUME_REFUSED: {
    kind: 'forbidden',
    means:
      'The directory of a volume may not be mounted: links lead to it, or it belongs to root and may be written to.',
  },
  VOLUME_FAILED: { kind: 'internal', means: 'A volume could not be mounted.' },
  CELL_FULL: { kind: 'exhausted', means: 'The cell has no address or uid range left.' },
  CELL_LOCKED: { kind: 'conflict', means: "Another process already runs this cell's containers." },
  CELL_CONFIG_INVALID: { kind: 'invalid', means: "The cell's own settings cannot work." },
  CELL_HOST_UNSUITABLE: { kind: 'unavailable', means: 'The machine lacks something that containers need.' },
  CELL_STATE_FAILED: { kind: 'internal', means: 'The cell could not read or write its own records.' },
  ROOTFS_FAILED: { kind: 'internal', means: 'The root file system could not be put together or taken apart.' },
  USER_NAMESPACE_FAILED: { kind: 'internal', means: 'The user namespace could not be made.' },
  RUNTIME_FAILED: { kind: 'internal', means: 'runc or conmon failed.' },
  RUNTIME_TIMEOUT: { kind: 'timeout', means: 'A runtime step did not end within its deadline.' },
  NETWORK_FAILED: { kind: 'internal', means: "The container's network could not be set up or removed." },
  CGROUP_FAILED: { kind: 'internal', means: 'A cgroup could not be read or removed.' },
  CANCELLED: { kind: 'conflict', means: 'The caller gave up before it was done.' },
} as const satisfies Readonly<Record<string, { readonly kind: ErrorKind; readonly means: string }>>;

export type GardenErrorCode = keyof typeof GARDEN_ERRORS;

/** What was being done when an error came; metrics count failures by it. */
export type GardenPhase =
  | 'open'
  | 'layers'
  | 'allocate'
  | 'disk'
  | 'user-namespace'
  | 'rootfs'
  | 'volumes'
  | 'process'
  | 'bundle'
  | 'create'
  | 'network'
  | 'start'
  | 'signal'
  | 'session'
  | 'logs'
  | 'stats'
  | 'delete'
  | 'sweep'
  | 'teardown';

/** The one error class of this package. */
export class GardenError extends CodedError {
  declare readonly code: GardenErrorCode;
  readonly phase: GardenPhase;

  constructor(
    code: GardenErrorCode,
    phase: GardenPhase,
    message: string,
    options: { readonly cause?: unknown; readonly details?: Readonly<Record<string, unknown>> } = {},
  ) {
    super(code, GARDEN_ERRORS[code].kind, message, options);
    this.phase = phase;
  }
}

/** The error itself when it is one of ours, else wrapped in `code`. */
export function asGardenError(error: unknown, code: GardenErrorCode, phase: GardenPhase, what: string): GardenError {
  if (error instanceof GardenError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new GardenError(code, phase, `${what}: ${reason}`, { cause: error });
}

/** Throws CANCELLED when the caller has given up. */
export function throwIfCancelled(signal: AbortSignal | undefined, phase: GardenPhase): void {
  if (signal?.aborted) throw new GardenError('CANCELLED', phase, 'Cancelled', { cause: signal.reason });
}
