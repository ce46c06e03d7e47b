import { Buffer } from 'node:buffer';

/** What a system call is given. */
export type CallArgument =
  | number
  | bigint
  /** Address of these bytes; text is ended by a NUL. */
  | { readonly bytes: string | Uint8Array }
  /** What an earlier call of the program answered. */
  | { readonly answerOf: number };

/** One system call of a program. */
export interface SystemCall {
  readonly number: number;
  readonly args: readonly CallArgument[];
  /** How the kernel is entered; `x64` unless told. An x32 call is one of x64 with bit 30 of its number set. */
  readonly abi?: 'x64' | 'i386';
  /** For calls that return twice: the child ends at once. */
  readonly childEnds?: boolean;
}

const BASE = 0x40_0000;
const HEADERS = 64 + 56;
const SLOT = 8;

/** For each argument's register: load of a 64-bit constant, and of a 64-bit word at a 32-bit address. */
const X64_REGISTERS = [
  { constant: [0x48, 0xbf], word: [0x48, 0x8b, 0x3c, 0x25] }, // rdi
  { constant: [0x48, 0xbe], word: [0x48, 0x8b, 0x34, 0x25] }, // rsi
  { constant: [0x48, 0xba], word: [0x48, 0x8b, 0x14, 0x25] }, // rdx
  { constant: [0x49, 0xba], word: [0x4c, 0x8b, 0x14, 0x25] }, // r10
  { constant: [0x49, 0xb8], word: [0x4c, 0x8b, 0x04, 0x25] }, // r8
  { constant: [0x49, 0xb9], word: [0x4c, 0x8b, 0x0c, 0x25] }, // r9
] as const;

/** The same of the 32-bit interface: constants and words of 32 bits. */
const I386_REGISTERS = [
  { constant: [0xbb], word: [0x8b, 0x1c, 0x25] }, // ebx
  { constant: [0xb9], word: [0x8b, 0x0c, 0x25] }, // ecx
  { constant: [0xba], word: [0x8b, 0x14, 0x25] }, // edx
  { constant: [0xbe], word: [0x8b, 0x34, 0x25] }, // esi
  { constant: [0xbf], word: [0x8b, 0x3c, 0x25] }, // edi
  { constant: [0xbd], word: [0x8b, 0x2c, 0x25] }, // ebp
] as const;

/**
 * A static ELF program for x86-64 that makes these calls one after the other and writes what each answered to its
 * standard output, 8 bytes each, little-endian. It needs no libc, so that a probe asks the kernel what it means to ask.
 */
export function machineProgram(calls: readonly SystemCall[]): Buffer {
  // The length of the code does not depend on where the data are: once to measure, once for good.
  const measured = assemble(calls, BASE).code.length;
  const { code, data } = assemble(calls, BASE + HEADERS + measured);
  const body = Buffer.concat([code, data]);
  return Buffer.concat([elfHeaders(HEADERS + body.length), body]);
}

function assemble(calls: readonly SystemCall[], dataAddress: number): { readonly code: Buffer; readonly data: Buffer } {
  const data: Buffer[] = [Buffer.alloc(calls.length * SLOT)];
  let end = dataAddress + calls.length * SLOT;
  const place = (bytes: string | Uint8Array): number => {
    const content = typeof bytes === 'string' ? Buffer.from(`${bytes}\0`) : Buffer.from(bytes);
    const padded = Buffer.concat([content, Buffer.alloc(16 - (content.length % 16))]);
    data.push(padded);
    end += padded.length;
    return end - padded.length;
  };
  const code: Buffer[] = [];
  for (const [index, call] of calls.entries()) {
    const narrow = call.abi === 'i386';
    for (const [position, argument] of call.args.entries()) {
      const register = (narrow ? I386_REGISTERS : X64_REGISTERS)[position];
      if (register === undefined) throw new Error('a system call has six arguments at most');
      if (typeof argument === 'object' && 'answerOf' in argument) {
        code.push(Buffer.from(register.word), word(dataAddress + argument.answerOf * SLOT, 4));
      } else {
        const value = typeof argument === 'object' ? place(argument.bytes) : argument;
        code.push(Buffer.from(register.constant), word(value, narrow ? 4 : 8));
      }
    }
    code.push(Buffer.from([0xb8]), word(call.number, 4)); // mov eax, number
    // int 0x80, and its 32-bit answer widened; or syscall
    code.push(Buffer.from(narrow ? [0xcd, 0x80, 0x48, 0x63, 0xc0] : [0x0f, 0x05]));
    code.push(Buffer.from([0x48, 0x89, 0x04, 0x25]), word(dataAddress + index * SLOT, 4)); // mov [slot], rax
    // test rax, rax; jnz past; mov eax, exit; xor edi, edi; syscall
    const ending = [0x48, 0x85, 0xc0, 0x75, 0x09, 0xb8, 0x3c, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05];
    if (call.childEnds === true) code.push(Buffer.from(ending));
  }
  code.push(
    Buffer.from([0xb8, 1, 0, 0, 0, 0xbf, 1, 0, 0, 0, 0xbe]), // mov eax, write; mov edi, 1; mov esi, slots
    word(dataAddress, 4),
    Buffer.from([0xba]), // mov edx, length
    word(calls.length * SLOT, 4),
    Buffer.from([0x0f, 0x05, 0xb8, 0xe7, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05]), // syscall; exit_group(0)
  );
  return { code: Buffer.concat(code), data: Buffer.concat(data) };
}

/** Little-endian two's complement of so many bytes. */
function word(value: number | bigint, bytes: 4 | 8): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)));
  return buffer.subarray(0, bytes);
}

/** An ELF header and one program header: the whole file at BASE, readable, writable and executable. */
function elfHeaders(size: number): Buffer {
  const header = Buffer.alloc(HEADERS);
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  header.writeUInt16LE(2, 16); // ET_EXEC
  header.writeUInt16LE(62, 18); // EM_X86_64
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(BigInt(BASE + HEADERS), 24); // entry
  header.writeBigUInt64LE(64n, 32); // program headers
  header.writeUInt16LE(64, 52);
  header.writeUInt16LE(56, 54);
  header.writeUInt16LE(1, 56);
  header.writeUInt32LE(1, 64); // PT_LOAD
  header.writeUInt32LE(7, 68);
  header.writeBigUInt64LE(BigInt(BASE), 80);
  header.writeBigUInt64LE(BigInt(BASE), 88);
  header.writeBigUInt64LE(BigInt(size), 96);
  header.writeBigUInt64LE(BigInt(size), 104);
  header.writeBigUInt64LE(0x1000n, 112);
  return header;
}
