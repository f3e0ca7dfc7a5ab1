/**
 * The extension in a real VS Code, end to end: `npm run test:vscode [folder for screenshots]`. Installs the .vsix into code-server, launches the 6.12
 * kernel, and does what a user does, reading from the screen what a user reads.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium as browserType, type Page } from 'playwright-core';
import { initramfs } from '../fixtures/initramfs.ts';
import { umlKernel } from '../fixtures/uml-kernel.ts';
import { chromium, startWorkbench } from './code-server.ts';

const LONG = 90_000;
const root = join(import.meta.dirname, '..', '..');
const shots = process.argv[2] ?? join(root, 'extension', 'out', 'screenshots');
const work = mkdtempSync(join(tmpdir(), 'skas-vscode-'));
const workspace = join(work, 'workspace');

function check(holds: boolean, what: string): void {
  if (!holds) throw new Error(`not so: ${what}`);
  console.log(`ok: ${what}`);
}

async function command(page: Page, title: string): Promise<void> {
  await page.keyboard.press('F1');
  const input = page.locator('.quick-input-widget input');
  await input.waitFor();
  await input.fill(`>${title}`);
  await page.locator('.quick-input-list .monaco-list-row', { hasText: title }).first().waitFor();
  await page.keyboard.press('Enter');
}

async function expectText(page: Page, selector: string, text: RegExp, what: string): Promise<string> {
  const end = performance.now() + LONG;
  let seen = '';
  while (performance.now() < end) {
    seen = (await page.locator(selector).allInnerTexts()).join('\n');
    if (text.test(seen)) {
      console.log(`ok: ${what}`);
      return seen;
    }
    await page.waitForTimeout(100);
  }
  throw new Error(`${what}: ${text} is not in '${seen.slice(0, 2000)}'`);
}

async function run(page: Page): Promise<void> {
  const shot = (name: string): Promise<Buffer> => page.screenshot({ path: join(shots, `${name}.png`) });
  await page.locator('.monaco-workbench').waitFor({ timeout: LONG });
  await page.waitForTimeout(3000);
  await command(page, 'View: Show Run and Debug');
  const begin = performance.now();
  await page.locator('.start-debug-action-item .codicon-debug-start').click();
  const stack = '.debug-call-stack';
  await page.locator('.debug-toolbar').waitFor({ timeout: LONG });
  await expectText(page, stack, /start_kernel\b/, 'the call stack shows start_kernel');
  console.log(`   ${((performance.now() - begin) / 1000).toFixed(1)} s from the click to the stack on the screen`);
  await expectText(page, stack, /start_kernel_proc/, 'and who called it');
  await expectText(page, '.monaco-editor .view-lines', /start_kernel/, 'the source is open');
  await expectText(page, '.debug-variables', /command_line/, 'the local variables are there');
  await shot('1-start-kernel');

  const line = async (): Promise<string> => (await page.locator(`${stack} .monaco-list-row`, { hasText: 'start_kernel' }).first().innerText()).replace(/\s+/g, ' ');
  const before = await line();
  const stepBegin = performance.now();
  await command(page, 'Debug: Step Over');
  await page.waitForFunction(([selector, old]) => {
    const row = [...document.querySelectorAll(`${selector} .monaco-list-row`)].map((each) => (each.textContent ?? '').replace(/\s+/g, ' ')).find((text) => text.includes('start_kernel'));
    return row !== undefined && row.replace(/\s/g, '') !== old.replace(/\s/g, '');
  }, [stack, before], { timeout: LONG });
  check(true, `a step moved on (${((performance.now() - stepBegin) / 1000).toFixed(1)} s with the palette)`);
  await shot('2-step');

  await command(page, 'Add Function Breakpoint');
  await page.waitForTimeout(500);
  await page.keyboard.type('do_sys_openat2\n');
  await expectText(page, '.debug-breakpoints', /do_sys_openat2/, 'a function breakpoint is set');
  await command(page, 'Debug: Continue');
  await expectText(page, stack, /do_sys_openat2/, 'and hit');
  await expectText(page, '.debug-variables', /how|filename|path/, 'its arguments are shown');
  await command(page, 'Focus on Kernel Tasks View');
  await expectText(page, '.monaco-list-row', /kthreadd \[2\]/, 'the view of tasks lists kthreadd');
  await shot('3-tasks');

  // For the README: our launch.json in the editor, nothing of the kernel's text.
  await command(page, 'View: Close All Editors');
  await command(page, "Open 'launch.json'");
  await page.waitForTimeout(1500);
  await shot('readme');

  const task = page.locator('.pane', { hasText: 'Kernel Tasks' }).locator('.monaco-list-row', { hasText: 'kthreadd' }).first();
  await task.hover();
  await task.locator('.action-label[aria-label*="Switch"]').click();
  await expectText(page, stack, /kthreadd \[2\] \(running\)\s+PAUSED[\s\S]*switch_threads/i, 'switched to kthreadd');
  await page.waitForTimeout(1000);
  await shot('4-switched');
  await command(page, 'skas: Return to Where the Kernel Was');
  await expectText(page, stack, /init \[1\] \(running\)/, 'and back');
  await command(page, 'skas: Open Kernel Log');
  await expectText(page, '.monaco-editor .view-lines', /Linux.version.6\.12/, "the kernel's log opens");
  await command(page, 'Focus on Address Space View');
  await expectText(page, '.monaco-list-row', /^60000000-[0-9a-f]+ r/m, 'the view of its address space lists what is mapped');

  await command(page, 'Remove All Breakpoints');
  await command(page, 'Debug: Continue');
  await command(page, 'Terminal: Focus Terminal');
  await expectText(page, '.xterm-rows', /uml:~#/, 'the guest has booted to its shell in the terminal');
  await page.keyboard.type('echo from-the-guest $((6 * 7))\n');
  await expectText(page, '.xterm-rows', /from-the-guest.42/, 'and answers what is typed there');
  await shot('5-console');
  await page.locator('.debug-toolbar .codicon-debug-stop').first().click();
  await page.locator('.debug-toolbar').waitFor({ state: 'hidden', timeout: LONG });
  check(true, 'the session ends');

  // Its exact coverage, in the tree and in the gutter.
  await expectText(page, '.test-coverage-list-item', /\d%/, 'the Test Coverage view has files and percentages');
  await page.locator('.test-coverage-list-item', { hasText: 'chan_kern.c' }).first().click();
  await page.locator('.monaco-editor .coverage-deco-gutter.coverage-deco-miss').first().waitFor({ timeout: LONG });
  await command(page, 'View: Focus Active Editor Group');
  const executed = page.locator('.monaco-editor .coverage-deco-gutter.coverage-deco-hit').first();
  for (let pages = 0; pages < 50 && !(await executed.isVisible()); pages++) {
    await page.keyboard.press('PageDown');
    await page.waitForTimeout(200);
  }
  await executed.waitFor({ timeout: 1000 });
  check(true, 'a file opened from there has its executed and missed lines marked in the gutter');
  await shot('6-coverage');
}

mkdirSync(shots, { recursive: true });
mkdirSync(join(workspace, '.vscode'), { recursive: true });
const kernel = umlKernel('static');
symlinkSync(kernel, join(workspace, 'linux'));
writeFileSync(join(workspace, '.vscode', 'launch.json'), JSON.stringify({
  version: '0.2.0',
  configurations: [{ type: 'skas', request: 'launch', name: 'Debug UML kernel', program: kernel, args: ['mem=64M'], initrd: initramfs(), stopAt: 'start_kernel', profile: [`lcov=${join(work, 'run.info')}`] }],
}, undefined, 2));
execFileSync(process.execPath, ['--no-warnings', join(root, 'extension', 'build.ts')], { stdio: 'inherit' });
// Several roots: the kernel's is not the first.
mkdirSync(join(work, 'other'));
const roots = join(work, 'roots.code-workspace');
writeFileSync(roots, JSON.stringify({ folders: [{ path: 'other' }, { path: 'workspace' }] }));
const workbench = await startWorkbench(join(root, 'extension', 'out', 'skas.vsix'), roots, join(work, 'data'));
const browser = await browserType.launch({ executablePath: chromium(), args: ['--no-sandbox'] });
let status = 0;
const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
try {
  await page.goto(`${workbench.url}?workspace=${encodeURIComponent(roots)}`);
  await run(page);
} catch (error) {
  status = 1;
  console.error(error);
  await page.screenshot({ path: join(shots, 'failure.png') }).catch(() => undefined);
} finally {
  await browser.close();
  workbench.close();
  rmSync(work, { recursive: true, force: true });
}
process.exit(status);
