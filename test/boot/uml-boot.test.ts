/** Unmodified UML kernels boot to our init, run commands from a script on stdin, and end with the guest's status. */
import { describe, expect, it } from 'vitest';
import { initramfs, initramfsI386 } from '../fixtures/initramfs.ts';
import { skas } from '../fixtures/skas.ts';
import { DEBIAN_UML, umlKernel } from '../fixtures/uml-kernel.ts';

const KERNELS: readonly (readonly [name: string, path: () => string, version: RegExp, userland: () => string])[] = [
  ['6.12, statically linked', () => umlKernel('static'), /Linux uml 6\.12\.\d+-skas/, initramfs],
  ['6.12, dynamically linked', () => umlKernel('dynamic'), /Linux uml 6\.12\.\d+-skas/, initramfs],
  ['6.12 for i386, statically linked', () => umlKernel('i386'), /Linux uml 6\.12\.\d+-skas .* i686/, initramfsI386],
  ['6.1, statically linked', () => umlKernel('older'), /Linux uml 6\.1\.\d+-skas/, initramfs],
  ["Debian's 6.1, dynamically linked", () => DEBIAN_UML, /Linux uml 6\.1\.\d+/, initramfs],
];

const SCRIPT = `uname -a
echo sum $((6 * 7))
cat /proc/cpuinfo | grep -c processor
ls / | tr '\\n' ' '; echo
for i in 1 2 3; do sh -c "echo child $i"; done
echo one two three | sed s/two/2/ | awk '{ print $2 }'
dd if=/dev/zero bs=1024 count=100 2>/dev/null | md5sum
sleep 1; echo slept
kill -9 $$
`;

describe('UML boots', () => {
  it.each(KERNELS)('%s', (_name, kernel, version, userland) => {
    const { status, stdout, stderr } = skas(['boot', '--quiet', kernel(), 'mem=64M', `initrd=${userland()}`], { input: SCRIPT, timeout: 170_000 });
    const output = stdout.replaceAll('\r', '');
    expect(output, stderr).toMatch(version);
    for (const line of ['sum 42', '1', 'child 1', 'child 2', 'child 3', '2', '4c6426ac7ef186464ecbb0d81cbfcb1e +-', 'slept']) expect(output).toMatch(new RegExp(`^${line}$`, 'm'));
    expect(output).toMatch(/^bin dev (etc )?.*init.*proc/m);
    expect(status).toBe(0);
  }, 180_000);

  it('runs the command named on the kernel command line', () => {
    const { status, stdout } = skas(['boot', '--quiet', umlKernel(), 'mem=64M', `initrd=${initramfs()}`, 'skas.run=echo,up;,cat,/proc/uptime']);
    expect(stdout).toMatch(/^up\r?$/m);
    expect(status).toBe(0);
  }, 120_000);
});
