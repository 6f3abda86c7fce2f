import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    // Tests with real threads mostly wait: another file may use the core meanwhile.
    maxWorkers: 2,
    testTimeout: 60_000,
  },
});
