import { invalidArgType, invalidArgValue, UnsupportedPlatformError } from '../errors.ts';
import type { Libc } from './calls.ts';
import { Memory } from './memory.ts';

/** A `sockaddr_un` in memory that C sees: a path, or an abstract name. */
export class SocketAddress {
  /** The address as it was given. */
  readonly name: string;
  readonly #memory: Memory;
  readonly length: number;

  /**
   * @param name a path; on Linux, a name that begins with a NUL is abstract
   * @param syscall the call that it is for
   * @throws TypeError `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE` for what cannot be an address
   * @throws SyscallError `ENAMETOOLONG`, with the limit
   * @throws UnsupportedPlatformError for an abstract name where there are none
   */
  constructor(c: Libc, name: string, syscall: string) {
    const { abi, layout } = c;
    const bytes = Buffer.from(checkAddress(name));
    const abstract = bytes[0] === 0;
    if (abstract && !abi.abstractNames) {
      throw new UnsupportedPlatformError(`${process.platform} has no abstract names; Linux has`);
    }
    // The kernel ends an abstract name where its length says. A path ends with a NUL, which needs room: other systems'
    // kernels take one without, and libraries refuse to.
    const most = abstract ? abi.SUN_PATH_BYTES : abi.SUN_PATH_BYTES - 1;
    if (bytes.length > most) {
      throw c.refusal('ENAMETOOLONG', syscall, {
        address: name,
        detail: `(${bytes.length} bytes, and at most ${most} are possible)`,
      });
    }
    const pathAt = layout.sockaddr_un.offset.sun_path;
    this.#memory = new Memory(c.raw, new ArrayBuffer(MOST_BYTES));
    this.#memory.bytes[layout.sockaddr_un.offset.sun_family] = abi.AF_UNIX;
    this.#memory.bytes.set(bytes, pathAt);
    this.length = pathAt + bytes.length + (abstract ? 0 : 1);
    this.name = name;
  }

  /** Where it lies, for as long as this object is referenced. */
  get address(): number {
    return this.#memory.address;
  }
}

/** Room for any `sockaddr_un`: 110 bytes on Linux, 106 elsewhere. */
export const MOST_BYTES = 112;

/**
 * The name in a `sockaddr_un` that the kernel wrote.
 *
 * @param length the bytes that it wrote
 * @returns undefined for a socket without a name
 */
export function nameIn(c: Libc, bytes: Uint8Array, length: number): string | undefined {
  const pathAt = c.layout.sockaddr_un.offset.sun_path;
  if (length <= pathAt) return undefined;
  const name = Buffer.from(bytes.subarray(pathAt, length));
  // An abstract name is as long as the length says, NULs and all.
  if (name[0] === 0) return c.abi.abstractNames ? name.toString() : undefined;
  const end = name.indexOf(0);
  return name.toString('utf8', 0, end < 0 ? name.length : end);
}

/**
 * Refuses what cannot be an address, however long it may be.
 *
 * @throws TypeError `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`
 */
export function checkAddress(name: string): string {
  const expected = 'a path, or an abstract name behind a NUL';
  if (typeof name !== 'string') throw invalidArgType('address', expected, name);
  // An abstract name may have NULs in it; in a path, the kernel would not see what follows one.
  if (name === '' || (name.indexOf('\0') > 0 && name[0] !== '\0')) {
    throw invalidArgValue('address', expected, name);
  }
  return name;
}
