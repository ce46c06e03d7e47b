// @module-tag root
import { HOSTILE_FORMATS } from './corpus.test-support.ts';
import { playLayers } from './play-layers.test-support.ts';

playLayers(HOSTILE_FORMATS);
