/** A directory of the host in a container. */
export interface VolumeSpec {
  /** A directory of the host that the operator gives away. */
  readonly root: string;
  /** Path below it, '' for itself. No link on the way is followed. */
  readonly path: string;
  /** Absolute path in the container; made where the image has none. */
  readonly destination: string;
  readonly readOnly: boolean;
  /** Whom in the container the directory's owner on the host is; by default the app's user. */
  readonly owner?: { readonly uid?: number | undefined; readonly gid?: number | undefined };
}
