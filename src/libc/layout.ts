import type koffi from 'koffi';
import type { Abi, Layout, StructLayout } from '../abi/abi.ts';

type Koffi = typeof koffi;
type KoffiType = ReturnType<Koffi['struct']>;

/**
 * Lays an ABI's structures out with koffi's own rules of C.
 *
 * @param wordSize the size of a pointer and of `size_t`; another host's may be asked for, to check its table
 */
export function layoutOf(koffi: Koffi, abi: Abi, wordSize: number): Layout {
  const word = `uint${8 * wordSize}_t`;
  const resolve = (type: string): string => (type === 'uintptr_t' || type === 'size_t' ? word : type);

  function typeOf(definition: Readonly<Record<string, string>>): KoffiType {
    const members = Object.entries(definition).map(([name, type]) => [
      name,
      type === 'msghdr' ? typeOf(abi.msghdr) : resolve(type),
    ]);
    // Anonymous: koffi's type names are global in the process, and a second one of a name throws.
    return koffi.struct(Object.fromEntries(members));
  }

  function struct<Member extends string>(definition: Readonly<Record<Member, string>>): StructLayout<Member> {
    const type = typeOf(definition);
    const offsets = Object.entries(type.members ?? {}).map(([name, member]) => [name, member.offset]);
    return { size: type.size, offset: Object.fromEntries(offsets) };
  }

  return {
    iovec: struct(abi.iovec),
    msghdr: struct(abi.msghdr),
    cmsghdr: struct(abi.cmsghdr),
    mmsghdr: abi.mmsghdr && struct(abi.mmsghdr),
    pollfd: struct(abi.pollfd),
    sockaddr_un: struct(abi.sockaddr_un),
    ucred: struct(abi.ucred),
    cmsgAlign: koffi.sizeof(resolve(abi.cmsgAlign)),
    wordSize,
  };
}
