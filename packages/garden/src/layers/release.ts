/**
 * Gives a buffer's memory back at once; nobody may use it again. A layer passes through buffers of many times the size of
 * the heap: left to the garbage collector, they would wait for it by the hundred megabytes, and keep it at work.
 */
export function release(buffer: ArrayBuffer): void {
  buffer.transfer(0);
}
