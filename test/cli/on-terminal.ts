/** Runs the command on a pseudo terminal, as a person would. Python's standard library has the calls which Node lacks. */
import { spawnSync } from 'node:child_process';
import { SKAS } from '../fixtures/skas.ts';

export interface TerminalSession {
  readonly screen: string;
  readonly status: number;
  /** The terminal's settings are what they were before. */
  readonly restored: boolean;
}

/** `typed`: wait for this text, then type that, one after the other. */
export function onTerminal(args: readonly string[], typed: readonly (readonly [string, string])[]): TerminalSession {
  const script = `
import os, pty, sys, termios, json, time, select, fcntl, struct
typed = json.loads(sys.argv[1])
master, slave = pty.openpty()
fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', 33, 77, 0, 0))
before = termios.tcgetattr(slave)
pid = os.fork()
if pid == 0:
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for fd in (0, 1, 2): os.dup2(slave, fd)
    os.execv(sys.argv[2], sys.argv[2:])
screen = b''
at = 0
end = time.time() + 60
status = None
while time.time() < end:
    if select.select([master], [], [], 0.05)[0]: screen += os.read(master, 65536)
    elif status is not None: break
    if typed and typed[0][0].encode() in screen[at:]:
        at = len(screen)
        time.sleep(0.2)
        os.write(master, typed.pop(0)[1].encode())
    if status is None:
        done, code = os.waitpid(pid, os.WNOHANG)
        if done: status = os.waitstatus_to_exitcode(code)
print(json.dumps({'screen': screen.decode(errors='replace'), 'status': status, 'restored': before == termios.tcgetattr(slave)}))
`;
  const result = spawnSync('python3', ['-c', script, JSON.stringify(typed), process.execPath, SKAS, ...args], { encoding: 'utf8', timeout: 90_000 });
  if (result.status !== 0) throw new Error(result.stderr);
  const answer: TerminalSession = JSON.parse(result.stdout);
  return answer;
}
