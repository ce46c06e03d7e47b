/** Called when a step of making or removing a container begins. What it throws is thrown at the caller. */
export type StepListener = (step: ContainerStep, handle: string) => void;

/** In order: those of create, start and delete. */
export const CONTAINER_STEPS = [
  'create:allocate',
  'create:files',
  'create:disk',
  'create:keeper',
  'create:rootfs',
  'create:process',
  'create:bundle',
  'create:runtime',
  'create:volumes',
  'create:network',
  'create:record',
  'start:runtime',
  'start:sidecars',
  'start:record',
  'delete:record',
  'delete:processes',
  'delete:cgroup',
  'delete:network',
  'delete:rootfs',
  'delete:disk',
  'delete:files',
] as const;
export type ContainerStep = (typeof CONTAINER_STEPS)[number];
