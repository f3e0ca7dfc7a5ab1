import { describe, expect, it } from 'vitest';
import { Signal } from '../signals/signal-numbers.ts';
import { LineDiscipline, type LineHost } from './line-discipline.ts';
import { Control, InputFlag, LocalFlag, OutputFlag } from './termios.ts';

class Wire implements LineHost {
  sent = '';
  signals: number[] = [];
  ready = 0;
  transmitRoom = 1000;
  transmit(bytes: Uint8Array): void {
    this.sent += Buffer.from(bytes).toString('latin1');
  }
  signalForeground(signal: number): void {
    this.signals.push(signal);
  }
  inputReady(): void {
    this.ready++;
  }
}

function terminal(): { wire: Wire; line: LineDiscipline; type: (text: string) => void; read: (room?: number) => string } {
  const wire = new Wire();
  const line = new LineDiscipline(wire);
  return {
    wire, line,
    type: (text) => line.receive(Buffer.from(text, 'latin1')),
    read: (room = 100) => {
      const into = new Uint8Array(room);
      return Buffer.from(into.subarray(0, line.read(into))).toString('latin1');
    },
  };
}

describe('line discipline', () => {
  it('gives whole lines, however small the pieces they are read in', () => {
    const { line, type, read } = terminal();
    type('one\rtwo\n');
    expect(line.readable).toBe(true);
    expect([read(2), read(), read(), line.readable]).toEqual(['on', 'e\n', 'two\n', false]);
  });

  it('ends input at Ctrl-D: what was typed first, then nothing', () => {
    const { line, type, read } = terminal();
    type('part\x04\x04');
    expect([read(), line.readable, read(), line.readable]).toEqual(['part', true, '', false]);
  });

  it('erases tabs and control characters by their width', () => {
    const { wire, type, read } = terminal();
    type('a\t\x7f\x02\x7fb\n');
    expect(wire.sent).toBe(`a\t${'\b'.repeat(7)}^B\b \b\b \bb\r\n`);
    expect(read()).toBe('ab\n');
  });

  it('erases a UTF-8 character as a whole when told so', () => {
    const { line, type, read } = terminal();
    line.setTermios((termios) => {
      termios.input |= InputFlag.utf8;
    });
    type('x\xc3\xa9\x7fy\n');
    expect(read()).toBe('xy\n');
  });

  it('turns Ctrl-C into a signal and drops the line, unless told not to', () => {
    const { wire, line, type, read } = terminal();
    type('lost\x03kept\n');
    expect(wire.signals).toEqual([Signal.INT]);
    expect(read()).toBe('kept\n');
    line.setTermios((termios) => {
      termios.local |= LocalFlag.noFlush;
    });
    type('also \x1ckept\n');
    expect(wire.signals).toEqual([Signal.INT, Signal.QUIT]);
    expect(read()).toBe('also kept\n');
  });

  it('keeps what was typed when it becomes raw and when it becomes canonical again', () => {
    const { line, type, read } = terminal();
    type('ahead');
    line.setTermios((termios) => {
      termios.local &= ~LocalFlag.canonical;
    });
    expect(line.readable).toBe(true);
    expect(read()).toBe('ahead');
    type('raw');
    line.setTermios((termios) => {
      termios.local |= LocalFlag.canonical;
    });
    expect(read()).toBe('raw');
  });

  it('waits for VMIN bytes', () => {
    const { line, type } = terminal();
    line.setTermios((termios) => {
      termios.local &= ~LocalFlag.canonical;
      termios.characters[Control.minimum] = 3;
    });
    type('ab');
    expect(line.readable).toBe(false);
    type('c');
    expect(line.readable).toBe(true);
  });

  it('takes no more output than the wire does, and none after Ctrl-S', () => {
    const { wire, line, type } = terminal();
    wire.transmitRoom = 20;
    const text = Buffer.from('0123456789012345678901234567890');
    expect(line.write(text)).toBeLessThanOrEqual(20);
    line.setTermios((termios) => {
      termios.output &= ~OutputFlag.process;
    });
    expect(line.write(text)).toBe(20);
    type('\x13');
    expect(line.write(text)).toBe(0);
    type('\x11');
    expect(line.write(text)).toBe(20);
  });

  it('holds back the wire when its buffer is full, but not the end of a line that is too long', () => {
    const { line, type, read } = terminal();
    line.setTermios((termios) => {
      termios.local &= ~LocalFlag.canonical;
    });
    type('x'.repeat(4095));
    expect(line.inputRoom).toBe(0);
    expect(read(5000).length).toBe(4095);
    line.setTermios((termios) => {
      termios.local |= LocalFlag.canonical;
    });
    type(`${'y'.repeat(6000)}\n`);
    expect(read(5000)).toMatch(/^y{4095}\n$/);
  });
});
