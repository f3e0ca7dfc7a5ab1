/** The offsets the host uses for signal frames, siginfo and struct user against those of the system's C headers and of a real signal frame. */
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { DEBUG_REGISTERS, REGISTER_BYTES } from '../../emulator/host/ptrace/register-file.ts';
import { FX_BYTES } from '../../emulator/host/signals/fx-state.ts';
import { FrameOffset } from '../../emulator/host/signals/signal-frame.ts';
import { InfoOffset, SIGINFO_BYTES } from '../../emulator/host/signals/signal-info.ts';
import { guestProgram } from '../fixtures/guest-program.ts';

function nativeLayout(): Map<string, number> {
  const { stdout } = spawnSync(guestProgram('layout.c', ['-O0', '-static']), { encoding: 'utf8' });
  return new Map(stdout.trim().split('\n').map((line) => [line.split(' ')[0], Number(line.split(' ')[1])]));
}

describe('layouts of structures', () => {
  const native = nativeLayout();

  it('has something to compare with', () => {
    expect(native.size).toBeGreaterThan(30);
  });

  it('signal frame', () => {
    const uc = FrameOffset.ucFlags;
    expect(native.get('frame.uc')).toBe(uc);
    expect(native.get('frame.info')).toBe(FrameOffset.info);
    expect(native.get('frame.alignment')).toBe(8);
    expect(native.get('fpstate.alignment')).toBe(0);
    const { stackBase, registers, cs, error, trap, oldMask, cr2, fpstate, mask } = FrameOffset;
    const ours = { stack: stackBase, registers, cs, error, trap, oldMask, cr2, fpstate, mask, rip: registers + 16 * 8, rflags: registers + 17 * 8 };
    for (const [name, offset] of Object.entries(ours)) expect([name, offset - uc]).toEqual([name, native.get(`uc.${name}`)]);
  });

  it('siginfo', () => {
    for (const [name, offset] of Object.entries(InfoOffset)) expect([name, offset]).toEqual([name, native.get(`info.${name}`)]);
    expect(SIGINFO_BYTES).toBe(native.get('info.bytes'));
  });

  it('registers', () => {
    expect(DEBUG_REGISTERS).toBe(native.get('user.debugRegisters'));
    expect(REGISTER_BYTES).toBe(native.get('registers.bytes'));
    expect(FX_BYTES).toBe(native.get('fpregs.bytes'));
  });
});
