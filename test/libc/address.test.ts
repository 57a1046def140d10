import assert from 'node:assert/strict';
import { SyscallError, UnsupportedPlatformError } from '../../src/errors.ts';
import { nameIn, SocketAddress } from '../../src/libc/address.ts';
import { platforms } from '../abi/golden.ts';
import { assertRefused, type Refusal } from '../support/refusals.ts';
import { scripted } from '../support/scripted.ts';
import { suite } from '../support/suite.ts';

for (const { name: platform, abi, layout } of platforms) {
  const { sun_family: familyAt, sun_path: pathAt } = layout.sockaddr_un.offset;
  const longest = abi.SUN_PATH_BYTES - 1;

  suite(`addresses of ${platform}`, (test) => {
    /** The bytes that C sees of an address. */
    function written(name: string): { bytes: Uint8Array; length: number } {
      const { libc, at } = scripted(platform);
      const { address, length } = new SocketAddress(libc, name, 'bind');
      return { bytes: new Uint8Array(at(address).buffer), length };
    }

    for (const name of [
      '/a',
      'relative',
      '/größe',
      '/𝄞',
      'x'.repeat(longest),
      `${'ö'.repeat(longest >> 1)}`,
    ]) {
      test(`a path of ${Buffer.byteLength(name)} bytes: the family, the path, a NUL`, () => {
        const { bytes, length } = written(name);
        const path = Buffer.from(name);
        assert.equal(bytes[familyAt], abi.AF_UNIX);
        assert.ok(Buffer.from(bytes.subarray(pathAt, pathAt + path.length)).equals(path));
        assert.equal(length, pathAt + path.length + 1);
        assert.ok(bytes.subarray(pathAt + path.length).every((byte) => byte === 0));
        assert.ok(length <= pathAt + abi.SUN_PATH_BYTES && length <= bytes.length);
        const { libc } = scripted(platform);
        assert.equal(nameIn(libc, bytes, length), name);
        // A kernel may say the whole size, or leave the NUL out.
        assert.equal(nameIn(libc, bytes, bytes.length), name);
        assert.equal(nameIn(libc, bytes, length - 1), name);
      });
    }

    test('one byte more is refused, with the limit', () => {
      for (const name of ['x'.repeat(longest + 1), `${'ö'.repeat(longest)}`]) {
        assertRefused(
          () => written(name),
          [
            SyscallError,
            'ENAMETOOLONG',
            {
              ...{ syscall: 'bind', address: name },
              message: `ENAMETOOLONG: name too long, bind '${name}' (${Buffer.byteLength(name)} bytes, and at most ${longest} are possible)`,
            },
          ],
        );
      }
    });

    const abstract = ['\0', '\0a', '\0a\0', '\0\0', '\0a\0b', '\0größe', `\0${'x'.repeat(longest)}`];
    if (abi.abstractNames) {
      for (const name of abstract) {
        test(`an abstract name has no NUL added, and is as long as it is: ${JSON.stringify(name.slice(0, 9))}`, () => {
          const { bytes, length } = written(name);
          assert.equal(length, pathAt + Buffer.byteLength(name));
          assert.ok(Buffer.from(bytes.subarray(pathAt, length)).equals(Buffer.from(name)));
          assert.equal(nameIn(scripted(platform).libc, bytes, length), name);
        });
      }

      test('an abstract name of 109 bytes is refused', () => {
        assertRefused(() => written(`\0${'x'.repeat(108)}`), [SyscallError, 'ENAMETOOLONG']);
      });
    } else {
      for (const name of abstract) {
        test(`an abstract name is refused: ${JSON.stringify(name.slice(0, 9))}`, () => {
          assertRefused(
            () => written(name),
            [UnsupportedPlatformError, 'ERR_FDCHANNEL_UNSUPPORTED_PLATFORM'],
          );
          const bytes = new Uint8Array(112);
          assert.equal(nameIn(scripted(platform).libc, bytes, 20), undefined);
        });
      }
    }

    test('what is no address is refused', () => {
      const type: Refusal = [TypeError, 'ERR_INVALID_ARG_TYPE'];
      const value: Refusal = [TypeError, 'ERR_INVALID_ARG_VALUE'];
      for (const name of [undefined, null, 5, {}, ['/a'], Buffer.from('/a'), new String('/a')]) {
        assertRefused(() => written(name as string), type);
      }
      for (const name of ['', 'a\0', '/a\0b']) assertRefused(() => written(name), value);
    });

    test('a socket without a name', () => {
      const { libc } = scripted(platform);
      for (let length = 0; length <= pathAt; length++)
        assert.equal(nameIn(libc, new Uint8Array(112).fill(65), length), undefined);
    });
  });
}
