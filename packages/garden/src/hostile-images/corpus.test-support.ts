import { headerNumbers, owners, xattrs } from './families/attributes.test-support.ts';
import { configs } from './families/configs.test-support.ts';
import { accounts, mountPoints, processes } from './families/containers.test-support.ts';
import { gnuNames, paxHeaders, trailing, truncated, typeFlags } from './families/headers.test-support.ts';
import { indexes } from './families/indexes.test-support.ts';
import { acrossLayers, behindSymlinks, hardlinks, replacedParents, symlinks } from './families/links.test-support.ts';
import { json, manifests } from './families/manifests.test-support.ts';
import { devices, duplicates, typeChanges, whiteouts } from './families/nodes.test-support.ts';
import { descriptors, gzip, otherPacking, zstd } from './families/packing.test-support.ts';
import { absolutePaths, climbingPaths } from './families/paths.test-support.ts';
import { limits, names } from './families/sizes.test-support.ts';
import type { Family } from './hostile-image.test-support.ts';

/** What the entries of a layer make and where: paths, links and nodes. */
export const HOSTILE_ENTRIES: readonly Family[] = [
  climbingPaths,
  absolutePaths,
  symlinks,
  behindSymlinks,
  replacedParents,
  hardlinks,
  acrossLayers,
  devices,
  whiteouts,
  typeChanges,
  duplicates,
];

/** How they are written down: headers, names, sizes and packing. */
export const HOSTILE_FORMATS: readonly Family[] = [
  xattrs,
  owners,
  names,
  headerNumbers,
  paxHeaders,
  gnuNames,
  typeFlags,
  truncated,
  trailing,
  limits,
  gzip,
  zstd,
  otherPacking,
  descriptors,
];

/** Manifests, indexes and configs. */
export const HOSTILE_DOCUMENTS: readonly Family[] = [json, manifests, indexes, configs];

/** What a container is made of. */
export const HOSTILE_CONTAINERS: readonly Family[] = [mountPoints, accounts, processes];

/** Every hostile image, by what it tries. docs/hostile-images.md is made from this. */
export const HOSTILE_IMAGES: readonly Family[] = [
  ...HOSTILE_ENTRIES,
  ...HOSTILE_FORMATS,
  ...HOSTILE_DOCUMENTS,
  ...HOSTILE_CONTAINERS,
];
