/**
 * Reads KTAP, as the kernel's own tests (KUnit) write it on the console among everything else (Documentation/dev-tools/ktap.rst): results of tests, each with
 * the subtests it is in.
 */
export interface KtapResult {
  /** Names from the outermost test to this one. */
  readonly path: readonly string[];
  readonly passed: boolean;
  /** `SKIP`, `TODO`, `XFAIL`, `TIMEOUT` or `ERROR`. */
  readonly directive: string | undefined;
  /** What stands behind the directive or the name. */
  readonly comment: string;
  /** It consisted of subtests, which have had their own results. */
  readonly hasSubtests: boolean;
}

const INDENT = 4;
/** Longest line that is waited for. */
const MOST = 4096;
const TIMESTAMP = /^\[ *\d+\.\d+\] ?/;
const RESULT = /^(not ok|ok) (\d+)(?: -)? ?(.*)$/;
const DIRECTIVE = /^(.*?)\s*# (SKIP|TODO|XFAIL|TIMEOUT|ERROR)\b:? ?(.*)$/;

export class KtapReader {
  private rest = '';
  /** By depth: the subtest whose results are indented so far. */
  private readonly open: (string | undefined)[] = [];
  private begun = false;

  /** Results that are complete now. Anything that is no KTAP is passed over. */
  feed(text: string): KtapResult[] {
    const lines = (this.rest + text).split('\n');
    this.rest = (lines.pop() ?? '').slice(-MOST);
    return lines.flatMap((line) => this.line(line.replace(/\r$/, '').replace(TIMESTAMP, '')) ?? []);
  }

  private line(line: string): KtapResult | undefined {
    const indent = /^ */.exec(line)?.[0].length ?? 0;
    const depth = indent / INDENT;
    const text = line.slice(indent);
    if (/^K?TAP version \d+/.test(text)) {
      this.begun = true;
      return undefined;
    }
    if (!this.begun || !Number.isInteger(depth)) return undefined;
    const subtest = /^# Subtest: (.+)$/.exec(text)?.[1];
    if (subtest !== undefined) {
      this.open.length = depth;
      this.open[depth] = subtest;
      return undefined;
    }
    const [, verdict, , described = ''] = RESULT.exec(text) ?? [];
    if (verdict === undefined) return undefined;
    const [, before = described, directive, comment = ''] = DIRECTIVE.exec(described) ?? [];
    const [, name = before, remark = ''] = /^(\S+)\s*#\s?(.*)$/.exec(before) ?? [];
    const hasSubtests = this.open[depth + 1] === name.trim();
    this.open.length = Math.min(this.open.length, depth + 1);
    const outer = this.open.slice(1, depth + 1).filter((each) => each !== undefined);
    return { path: [...outer, name.trim()], passed: verdict === 'ok', directive, comment: comment || remark, hasSubtests };
  }
}
