import { expect, it } from 'vitest';
import { KtapReader, type KtapResult } from './ktap.ts';

const LOG = `Linux version 6.12
ok 7 not yet KTAP
KTAP version 1
1..2
    KTAP version 1
    # Subtest: example
    # module: kunit_example_test
    1..4
    # example_simple_test: initializing
    ok 1 example_simple_test
    ok 2 example_skip_test # SKIP this test should be skipped
[    0.120000]     not ok 3 example_fails # TODO it is known
        KTAP version 1
        # Subtest: example_params_test
        ok 1 example value 3
        ok 2 example value 2
        not ok 3 example value 1
    # example_params_test: pass:2 fail:1 skip:0 total:3
    not ok 4 example_params_test
# example: pass:1 fail:1 skip:1 total:4
not ok 1 example
    KTAP version 1
    # Subtest: list-test
    1..1
  ok 9 indented by no depth
    ok 1 list_test_add
    ok without a number
ok 2 list-test
Run /init as init process
`;
const text = ({ path, passed, directive, comment, hasSubtests }: KtapResult): string => `${path.join('/')} ${passed ? 'ok' : 'not ok'}${directive === undefined ? '' : ` ${directive} (${comment})`}${hasSubtests ? ' …' : ''}`;
const RESULTS = [
  'example/example_simple_test ok', 'example/example_skip_test ok SKIP (this test should be skipped)', 'example/example_fails not ok TODO (it is known)',
  'example/example_params_test/example value 3 ok', 'example/example_params_test/example value 2 ok', 'example/example_params_test/example value 1 not ok', 'example/example_params_test not ok …',
  'example not ok …', 'list-test/list_test_add ok', 'list-test ok …',
];

it('finds results with the subtests they are in', () => {
  expect(new KtapReader().feed(LOG).map(text)).toEqual(RESULTS);
});

it('does so in pieces of any size, with carriage returns', () => {
  for (const size of [1, 7, 100]) {
    const reader = new KtapReader();
    const found: KtapResult[] = [];
    const log = LOG.replaceAll('\n', '\r\n');
    for (let at = 0; at < log.length; at += size) found.push(...reader.feed(log.slice(at, at + size)));
    expect(found.map(text)).toEqual(RESULTS);
  }
});

it('takes no harm from anything', () => {
  const reader = new KtapReader();
  expect(reader.feed('KTAP version 1\n# Subtest: \nok\nok 1\n            ok 1 deep\nnot ok 2 # SKIP\n1..x\n')).toMatchObject([{ path: [''] }, { path: ['deep'] }, { path: [''], directive: 'SKIP' }]);
  expect(reader.feed('x'.repeat(100_000))).toEqual([]);
  expect(reader.feed('\nok 3 after\n').map(text)).toEqual(['after ok']);
});
