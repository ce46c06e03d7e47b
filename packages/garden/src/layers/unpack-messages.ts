import type { LayerLimits } from '../tar/limits.ts';
import type { TarErrorCode } from '../tar/tar-error.ts';
import type { ConfinementOrder } from './confine.ts';
import type { LayerContents } from './layer-writer.ts';
import type { SplitOutcome } from './split-format.ts';

/** A layer to be unpacked to an empty directory. */
export interface UnpackOrder {
  readonly directory: string;
  /** What comes: the blob (default), or the tar archive in it, of which only the diffID is verified. */
  readonly kind?: 'blob' | 'archive';
  /** `sha256:…` of the blob as it is downloaded, and its size. */
  readonly digest: string;
  readonly size: number;
  /** `sha256:…` of the tar archive in it. */
  readonly diffId: string;
  readonly limits: LayerLimits;
}

/** What an unpacker thread is started with. */
export interface ThreadOrder extends UnpackOrder, ConfinementOrder {
  /** Record what it takes to make the archive again out of the layer. */
  readonly split: boolean;
}

export type ToUnpacker =
  | { readonly type: 'bytes'; readonly pieces: readonly Uint8Array<ArrayBuffer>[] }
  | { readonly type: 'end' };

/** What a layer turned out to be, and the size of its archive. */
export interface UnpackResult extends LayerContents {
  readonly tarBytes: number;
}

export type FromUnpacker =
  /** So many bytes were dealt with: as many more may be sent. */
  | { readonly type: 'taken'; readonly bytes: number }
  /** A piece of the layer's split; see SplitRecorder. */
  | { readonly type: 'split'; readonly frame: Uint8Array<ArrayBuffer> }
  | { readonly type: 'done'; readonly result: UnpackResult; readonly split: SplitOutcome | undefined }
  | {
      readonly type: 'refused';
      readonly code: TarErrorCode;
      readonly message: string;
      readonly details: Readonly<Record<string, string | number>>;
    };
