import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeFrame, encodeFrames, type Frame, FrameReader, MAX_FRAME_BYTES } from './frames.ts';

test('frames arrive as they were sent, however the stream is cut', () => {
  const frame = fc.record({ kind: fc.nat(255), bytes: fc.uint8Array({ maxLength: 300 }) });
  fc.assert(
    fc.property(fc.array(frame), fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }), (sent, cuts) => {
      const stream = Buffer.concat(sent.map(({ kind, bytes }) => encodeFrame(kind, bytes)));
      const reader = new FrameReader();
      const got: Frame[] = [];
      for (let at = 0, cut = 0; at < stream.length; cut += 1) {
        const length = cuts[cut % cuts.length] ?? 1;
        got.push(...reader.push(stream.subarray(at, at + length)));
        at += length;
      }
      expect(got.map(({ kind, bytes }) => ({ kind, bytes: [...bytes] }))).toEqual(
        sent.map(({ kind, bytes }) => ({ kind, bytes: [...bytes] })),
      );
    }),
  );
});

test('what is longer than a frame goes in several', () => {
  const bytes = Buffer.alloc(2 * MAX_FRAME_BYTES + 7, 'x');
  const frames = new FrameReader().push(Buffer.concat([...encodeFrames(1, bytes)]));
  expect(frames.map((each) => each.bytes.length)).toEqual([MAX_FRAME_BYTES, MAX_FRAME_BYTES, 7]);
  expect(() => encodeFrame(1, bytes)).toThrow(RangeError);
});

test('a length that no frame has ends it before anything is kept', () => {
  expect(() => new FrameReader().push(Buffer.from([1, 0xff, 0, 0, 0]))).toThrow(RangeError);
});
