/** Several clients at one machine: one controls, the others look. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { FakeTarget } from './fake-target.ts';
import { encodePacket } from './framing.ts';
import { PacketClient } from './packet-client.ts';
import { RspServer } from './server.ts';

const NOPS_AND_LOOP = Buffer.from([0x90, 0x90, 0x90, 0x90, 0xeb, 0xfe]);
const hex = (text: string): string => Buffer.from(text).toString('hex');
const shown = (packet: string): string => (packet.startsWith('O') && packet !== 'OK' ? Buffer.from(packet.slice(1), 'hex').toString() : packet);
const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));

let target: FakeTarget;
let server: RspServer;
let port: number;
let first: PacketClient;
let second: PacketClient;

beforeEach(async () => {
  target = new FakeTarget(NOPS_AND_LOOP);
  server = new RspServer(target, { host: '127.0.0.1', port: 0, version: 'test' });
  ({ port } = await server.listen());
  first = new PacketClient(port);
  await first.ask('?');
  second = new PacketClient(port);
});

afterEach(async () => {
  first.socket.destroy();
  second.socket.destroy();
  await server.close();
});

it('lets an observer read', async () => {
  expect(await second.ask('?')).toMatch(/^T05/);
  expect(await second.ask('m1000,2')).toBe('9090');
  expect(await second.ask('g')).toBe(await first.ask('g'));
  expect(await second.ask('qC')).toBe('QC2a');
});

it('refuses an observer every change, with the reason', async () => {
  await second.ask('qSupported:error-message+');
  for (const body of ['M1000,1:cc', 'X1000,0:', 'P0=0000000000000000', 'G00', 'vKill;2a', 'vAttach;1', 'qXfer:siginfo:write::0:00']) {
    expect(await second.ask(body), body).toMatch(/^E\.another debugger controls this machine; 'monitor control' takes it over/);
  }
  expect(target.memory[0]).toBe(0x90);
  expect(await second.ask('vCont;c')).toMatch(/^O/);
  expect(await second.next()).toMatch(/^T00/);
  expect(target.stopped?.reason).toBe('entry');
  second.socket.write(encodePacket('k'));
  await second.closed;
  expect(await first.ask('qC')).toBe('QC2a');
});

it('keeps an observer\'s breakpoints for when it is in control', async () => {
  expect(await second.ask('Z0,0,1')).toBe('E0e');
  expect(await second.ask('Z0,1002,1')).toBe('OK');
  expect(await first.ask('vCont;s')).toMatch(/^T05/);
  second.socket.write(encodePacket('vCont;c'));
  expect(await second.next(), 'it hears of the step first').toMatch(/^T05.*;10:0110000000000000/);
  expect(shown(await second.ask(`qRcmd,${hex('control')}`))).toBe('You are in control.\n');
  expect(await second.next()).toBe('OK');
  expect(await second.ask('vCont;c')).toMatch(/^T05.*10:0210000000000000/);
  expect(await first.ask('M1000,1:cc')).toBe('E01');
});

it('tells all that wait of a stop, and no others', async () => {
  first.socket.write(encodePacket('vCont;c'));
  await pause();
  expect(await second.ask('?'), 'where it is just now').toMatch(/^T00/);
  expect(await second.ask('m1000,2')).toBe('9090');
  expect(await first.ask('m1000,2'), 'it waits').toBe('E10');
  second.socket.write(encodePacket('vCont;c'));
  await pause();
  second.socket.write('\x03');
  expect(shown(await second.next())).toMatch(/^The machine runs on/);
  expect(await second.next()).toMatch(/^T00/);
  second.socket.write(encodePacket('vCont;c'));
  await pause();
  first.socket.write('\x03');
  expect(await first.next()).toMatch(/^T02/);
  expect(await second.next()).toMatch(/^T02/);
});

it('takes over what runs', async () => {
  first.socket.write(encodePacket('vCont;c'));
  await pause();
  await second.ask('?');
  expect(shown(await second.ask(`qRcmd,${hex('control')}`))).toMatch(/stopped: the next continue or step shows where/);
  expect(await second.next()).toBe('OK');
  expect(await first.next()).toMatch(/^T02/);
  expect(await second.ask('vCont;s')).toMatch(/^T02/);
  expect(await second.ask('vCont;s')).toMatch(/^T05/);
  expect(shown(await first.ask(`qRcmd,${hex('clients')}`))).toBe('1 observes (this one)\n2 controls\n');
});

it('hands control on when the one in control goes', async () => {
  await second.ask('?');
  expect(await second.ask('QPassSignals:e')).toBe('OK');
  expect(target.passed.size).toBe(0);
  first.socket.write(encodePacket('vCont;c'));
  await pause();
  first.socket.destroy();
  await pause();
  expect(target.detached).toBe(false);
  expect(target.stopped?.reason).toBe('interrupt');
  expect([...target.passed]).toEqual([14]);
  expect(await second.ask('M1000,1:90')).toBe('OK');
  second.socket.destroy();
  await pause();
  expect(target.detached).toBe(false);
});

it('limits what an observer may ask the monitor', async () => {
  expect(shown(await second.ask(`qRcmd,${hex('hello')}`))).toMatch(/another debugger/);
  expect(await second.next()).toBe('E16');
  expect(shown(await first.ask(`qRcmd,${hex('hello')}`))).toBe('hello\n');
});
