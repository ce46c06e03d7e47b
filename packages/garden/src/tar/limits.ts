/** How much a layer may ask for. Each has a default that images in the wild stay far below. */
export interface LayerLimits {
  /** Entries of one layer. */
  readonly entries: number;
  /** Bytes of one path; the kernel takes 4,095. */
  readonly pathBytes: number;
  /** Bytes of all directory names of one layer, which are kept in memory until its end. */
  readonly directoryNameBytes: number;
  /** Bytes of one extended header (pax, or a GNU long name), which is kept in memory. */
  readonly headerBytes: number;
  /** Bytes of the tar archive, uncompressed. */
  readonly unpackedBytes: number;
  /** Uncompressed bytes for each compressed one, once there are more than `ratioFromBytes` of the former. */
  readonly compressionRatio: number;
  readonly ratioFromBytes: number;
}

export const DEFAULT_LAYER_LIMITS: LayerLimits = {
  entries: 1_000_000,
  pathBytes: 4095,
  directoryNameBytes: 32 * 1024 * 1024,
  headerBytes: 1024 * 1024,
  unpackedBytes: 16 * 1024 * 1024 * 1024,
  // gzip reaches 1,032 on zeros, so only the size above bounds a small layer; real ones stay below 100.
  compressionRatio: 250,
  ratioFromBytes: 256 * 1024 * 1024,
};
