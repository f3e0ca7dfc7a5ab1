import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PacketReader, decodeBody, encodePacket, escapeBinary, type WireEvent } from './framing.ts';

const bodies = (events: WireEvent[]): string[] => events.map((event) => (event.type === 'packet' ? event.body.toString('latin1') : event.type));

describe('framing', () => {
  it('carries any bytes in any chunks', () => {
    fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 5 }), fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }), (messages, cuts) => {
      const wire = Buffer.concat(messages.map((message) => encodePacket(escapeBinary(message))));
      const reader = new PacketReader(1000);
      const events: WireEvent[] = [];
      for (let at = 0, i = 0; at < wire.length; i++) {
        const end = at + cuts[i % cuts.length];
        events.push(...reader.feed(wire.subarray(at, end)));
        at = end;
      }
      expect(bodies(events)).toEqual(messages.map((message) => Buffer.from(message).toString('latin1')));
    }));
  });

  it('sees acknowledgements and interrupts anywhere between packets', () => {
    expect(bodies(new PacketReader(100).feed(Buffer.from('+\x03$g#67\x03-')))).toEqual(['ack', 'interrupt', 'g', 'interrupt', 'nak']);
  });

  it('does not take 0x03 inside a packet for an interrupt', () => {
    expect(bodies(new PacketReader(100).feed(encodePacket('X0,1:\x03')))).toEqual(['X0,1:\x03']);
  });

  it('expands run lengths', () => {
    expect(decodeBody(Buffer.from('0* '), 100)?.toString()).toBe('0000');
    expect(decodeBody(Buffer.from('* '), 100)).toBeUndefined();
    expect(decodeBody(Buffer.from('0*\x1e'), 100)).toBeUndefined();
  });

  it('reports wrong checksums, unless told not to look', () => {
    const reader = new PacketReader(100);
    expect(bodies(reader.feed(Buffer.from('$g#00')))).toEqual(['corrupt']);
    expect(bodies(reader.feed(Buffer.from('$g#zz')))).toEqual(['corrupt']);
    reader.checkSums = false;
    expect(bodies(reader.feed(Buffer.from('$g#00')))).toEqual(['g']);
  });

  it('starts again at a dollar inside a packet that was cut off', () => {
    expect(bodies(new PacketReader(100).feed(Buffer.from('$m123$g#67')))).toEqual(['g']);
  });

  it('throws oversized packets away, whole or in pieces, and goes on', () => {
    const reader = new PacketReader(10);
    expect(bodies(reader.feed(Buffer.concat([encodePacket('a'.repeat(50)), encodePacket('g')])))).toEqual(['oversized', 'g']);
    const wire = Buffer.concat([encodePacket('a'.repeat(50)), encodePacket('g')]);
    const events: WireEvent[] = [];
    for (const byte of wire) events.push(...reader.feed(Buffer.from([byte])));
    expect(bodies(events)).toEqual(['oversized', 'g']);
  });

  it('refuses a run that decodes to more than the limit', () => {
    expect(bodies(new PacketReader(50).feed(encodePacket('a*~')))).toEqual(['corrupt']);
  });
});
