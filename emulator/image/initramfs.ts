/**
 * The small userland for a first boot: busybox under /bin with a link per applet, and an init of ours which
 * mounts the usual file systems, runs a shell on the console and powers off when that ends.
 */
import { FileType, writeCpio, type CpioEntry } from './cpio.ts';

/** Applets that get a link: what one expects at a prompt. Others run as `busybox NAME`. */
const APPLETS =
  'ash awk basename cat chmod chown clear cp cttyhack cut date dd df dirname dmesg du echo env expr false find free grep gunzip gzip head hexdump hostname id kill less ln ls md5sum mkdir mknod more mount mv nc nice nproc od pidof ping poweroff printf ps pwd readlink reboot reset rm rmdir sed seq setsid sh sha256sum sleep sort stat stty su sync sysctl tail tar tee test time timeout top touch tr true tty umount uname uniq uptime usleep vi watch wc wget which whoami xargs yes zcat';

/** `skas.run=COMMAND` on the kernel command line (spaces written as commas) runs a command in place of the shell. */
const INIT = `#!/bin/sh
export PATH=/bin HOME=/root TERM=\${TERM:-linux} PS1='uml:\\w# ' ENV=/etc/shrc
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev 2>/dev/null
mkdir -p /dev/pts && mount -t devpts devpts /dev/pts 2>/dev/null
mount -t tmpfs tmpfs /tmp 2>/dev/null
hostname uml
cd /root
run=
for word in $(cat /proc/cmdline); do
  case $word in skas.run=*) run=$(echo "\${word#skas.run=}" | tr , ' ');; esac
done
if [ -n "$run" ]; then
  sh -c "$run"
else
  [ -t 0 ] && echo "Type 'poweroff' or press Ctrl-D to leave."
  setsid cttyhack sh
fi
poweroff -f
`;

/** Read by interactive shells. Without -f these would ask init to do it, and our init is a shell that waits for its child. */
const SHELL_START = ['poweroff', 'reboot', 'halt'].map((name) => `${name}() { busybox ${name} -f; }\n`).join('');

/** An initramfs (uncompressed cpio) around a statically linked busybox; `extra` files are added at the end. */
export function buildInitramfs(busybox: Uint8Array, extra: readonly CpioEntry[] = []): Uint8Array {
  const text = new TextEncoder();
  const directory = (path: string): CpioEntry => ({ path, mode: FileType.directory | 0o755 });
  return writeCpio([
    ...['bin', 'dev', 'etc', 'proc', 'root', 'sys', 'tmp', 'mnt'].map(directory),
    { path: 'dev/console', mode: FileType.character | 0o600, device: { major: 5, minor: 1 } },
    { path: 'dev/null', mode: FileType.character | 0o666, device: { major: 1, minor: 3 } },
    { path: 'bin/busybox', mode: FileType.regular | 0o755, data: busybox },
    ...APPLETS.split(' ').map((name): CpioEntry => ({ path: `bin/${name}`, mode: FileType.symlink | 0o777, data: text.encode('busybox') })),
    { path: 'etc/passwd', mode: FileType.regular | 0o644, data: text.encode('root:x:0:0:root:/root:/bin/sh\n') },
    { path: 'etc/group', mode: FileType.regular | 0o644, data: text.encode('root:x:0:\n') },
    { path: 'etc/shrc', mode: FileType.regular | 0o644, data: text.encode(SHELL_START) },
    { path: 'init', mode: FileType.regular | 0o755, data: text.encode(INIT) },
    ...extra,
  ]);
}
