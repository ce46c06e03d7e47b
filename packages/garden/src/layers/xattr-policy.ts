const CAPABILITY = 'security.capability';
/** vfs_cap_data of revision 2: a magic number with the effective flag, and two pairs of 32-bit sets. */
const REVISION_2_BYTES = 20;
const REVISION_MASK = 0xff000000;
const REVISION_2 = 0x02000000;

/** The kernel's own limits, XATTR_NAME_MAX and XATTR_SIZE_MAX. */
const MAX_NAME = 255;
const MAX_VALUE = 65_536;

/**
 * Whether a layer may set this extended attribute: `user.*` but overlayfs's own, and file capabilities that belong to
 * whoever owns the namespace (revision 2; revision 3 names a host uid). All others, `trusted.overlay.*` above all,
 * would be orders to this host's kernel and are left out, as ids of other hosts' labels are.
 */
export function isXattrAllowed(name: string, value: Uint8Array): boolean {
  if (name.length > MAX_NAME || name.includes('\0') || value.length > MAX_VALUE) return false;
  if (name === CAPABILITY) {
    if (value.length !== REVISION_2_BYTES) return false;
    const magic = new DataView(value.buffer, value.byteOffset, value.byteLength).getUint32(0, true);
    return (magic & REVISION_MASK) >>> 0 === REVISION_2;
  }
  return name.startsWith('user.') && name.length > 'user.'.length && !name.startsWith('user.overlay.');
}
