// @module-tag root
import { HOSTILE_ENTRIES } from './corpus.test-support.ts';
import { playLayers } from './play-layers.test-support.ts';

playLayers(HOSTILE_ENTRIES);
