/** pprof's gzipped protocol buffer (google/pprof, proto/profile.proto), for `go tool pprof`, Grafana and others. */
import { gzipSync } from 'node:zlib';
import type { CountedFunction, Profile } from '../profile.ts';
import { framesOf, threadName } from './collapsed.ts';

/** Field numbers of the messages used. */
const ProfileField = { sampleType: 1, sample: 2, mapping: 3, location: 4, function: 5, stringTable: 6, periodType: 11, period: 12 } as const;
const ValueType = { type: 1, unit: 2 } as const;
const Sample = { locationId: 1, value: 2, label: 3 } as const;
const Label = { key: 1, text: 2 } as const;
const Mapping = { id: 1, start: 2, limit: 3, fileName: 5, hasFunctions: 7, hasFileNames: 8, hasLines: 9 } as const;
const Location = { id: 1, mapping: 2, address: 3, line: 4 } as const;
const Line = { function: 1, line: 2 } as const;
const FunctionField = { id: 1, name: 2, systemName: 3, fileName: 4, startLine: 5 } as const;
const Wire = { varint: 0, bytes: 2 } as const;

class Message {
  private readonly parts: number[] = [];

  number(field: number, value: number): this {
    if (value === 0) return this;
    this.varint(field * 8 + Wire.varint);
    this.varint(value);
    return this;
  }

  bytes(field: number, value: Uint8Array | readonly number[]): this {
    this.varint(field * 8 + Wire.bytes);
    this.varint(value.length);
    for (const byte of value) this.parts.push(byte);
    return this;
  }

  message(field: number, value: Message): this {
    return this.bytes(field, value.parts);
  }

  packed(field: number, values: readonly number[]): this {
    const inner = new Message();
    for (const value of values) inner.varint(value);
    return this.message(field, inner);
  }

  take(): Uint8Array {
    return Uint8Array.from(this.parts);
  }

  private varint(value: number): void {
    let rest = value;
    while (rest > 0x7f) {
      this.parts.push((rest % 0x80) + 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.parts.push(rest);
  }
}

export function pprofProfile(profile: Profile): Uint8Array {
  const strings = new Map<string, number>([['', 0]]);
  const text = (value: string): number => {
    const known = strings.get(value) ?? strings.size;
    strings.set(value, known);
    return known;
  };
  const out = new Message();
  const instructions = new Message().number(ValueType.type, text('instructions')).number(ValueType.unit, text('count'));
  out.message(ProfileField.sampleType, instructions);
  const images = profile.images;
  const numbers = new Map<CountedFunction, number>();
  const numberOf = (one: CountedFunction): number => {
    const known = numbers.get(one) ?? numbers.size + 1;
    numbers.set(one, known);
    return known;
  };
  for (const chain of profile.chains) {
    if (chain.self === 0) continue;
    const label = new Message().number(Label.key, text('thread')).number(Label.text, text(threadName(chain)));
    const stack = framesOf(chain).reverse().map((frame) => numberOf(frame.function));
    out.message(ProfileField.sample, new Message().packed(Sample.locationId, stack).packed(Sample.value, [chain.self]).message(Sample.label, label));
  }
  images.forEach((image, i) => {
    const { low, high } = image.codeRange;
    out.message(ProfileField.mapping, new Message().number(Mapping.id, i + 1).number(Mapping.start, low).number(Mapping.limit, high).number(Mapping.fileName, text(image.path))
      .number(Mapping.hasFunctions, 1).number(Mapping.hasFileNames, 1).number(Mapping.hasLines, 1));
  });
  for (const [one, id] of numbers) {
    const place = profile.lineOf(one, one.low);
    const mapping = one.image === undefined ? 0 : images.indexOf(one.image) + 1;
    const line = new Message().number(Line.function, id).number(Line.line, place?.line ?? 0);
    out.message(ProfileField.location, new Message().number(Location.id, id).number(Location.mapping, mapping).number(Location.address, one.low).message(Location.line, line));
    out.message(ProfileField.function, new Message().number(FunctionField.id, id).number(FunctionField.name, text(one.name)).number(FunctionField.systemName, text(one.name))
      .number(FunctionField.fileName, text(place?.file ?? '')).number(FunctionField.startLine, place?.line ?? 0));
  }
  out.message(ProfileField.periodType, instructions).number(ProfileField.period, 1);
  for (const value of strings.keys()) out.bytes(ProfileField.stringTable, new TextEncoder().encode(value));
  return gzipSync(out.take());
}
