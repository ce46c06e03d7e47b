import type { ProbeFamily } from './probe.ts';
import { kernelCalls, namespaces, otherInterfaces, sockets } from './probes/calls.ts';
import { cgroups, devices, hostFiles, kernelFiles } from './probes/kernel-files.ts';
import { needed, network } from './probes/network.ts';
import { capabilities, processes } from './probes/processes.ts';

/** Everything that is tried from within a container. `hostPid` is a process of the host. */
export function isolationProbes(hostPid: number): readonly ProbeFamily[] {
  return [
    hostFiles,
    processes(hostPid),
    kernelFiles,
    devices,
    namespaces,
    kernelCalls,
    sockets,
    otherInterfaces,
    cgroups,
    network,
    capabilities,
    needed,
  ];
}
