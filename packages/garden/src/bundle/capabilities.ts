/**
 * What container root may do inside its user namespace: Docker's default set without NET_RAW (forged packets), MKNOD
 * (refused in user namespaces anyway) and AUDIT_WRITE (needs the host's own namespace). Stock images that start as
 * root need these to chown their directories, bind port 80 and drop to their own user.
 */
export const ROOT_CAPABILITIES: readonly string[] = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_NET_BIND_SERVICE',
  'CAP_SETFCAP',
  'CAP_SETGID',
  'CAP_SETPCAP',
  'CAP_SETUID',
  'CAP_SYS_CHROOT',
];

export interface CapabilitySets {
  readonly bounding: readonly string[];
  readonly effective: readonly string[];
  readonly permitted: readonly string[];
  readonly inheritable: readonly string[];
  readonly ambient: readonly string[];
}

/** Nobody but root has any, not even in the bounding set, from which no_new_privs would let nothing come back. */
export function capabilitiesFor(uid: number): CapabilitySets {
  const held = uid === 0 ? ROOT_CAPABILITIES : [];
  return { bounding: held, effective: held, permitted: held, inheritable: [], ambient: [] };
}
