import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{emulator,stub,dap,extension,test}/**/*.test.ts'],
    testTimeout: 60_000,
    // Two cores: the machine under test often keeps one of them busy by itself.
    maxWorkers: 2,
  },
});
