/** What the store does to its files, in the order of a layer's life: each is told of as it begins. */
export const STORE_STEPS = [
  'pull:unpack',
  'pull:commit',
  'pull:split',
  'pull:record',
  'pull:done',
  'settle:record',
  'use:touch',
  'use:image',
  'pins:write',
  'pins:replace',
  'collect:record',
  'collect:sync',
  'collect:away',
  'collect:remove',
] as const;
export type StoreStep = (typeof STORE_STEPS)[number];

/** What it throws is thrown at whoever asked for the step. */
export type StoreStepListener = (step: StoreStep) => void;
