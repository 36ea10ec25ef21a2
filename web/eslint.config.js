import js from '@eslint/js';
import globals from 'globals';

export default [
  { ignores: ['dist/', 'node_modules/'] },
  js.configs.recommended,
  {
    languageOptions: { globals: globals.browser },
    rules: {
      eqeqeq: 'error',
      'max-lines': ['error', { max: 400 }],
      'max-lines-per-function': ['error', { max: 70 }],
      'no-var': 'error',
      'prefer-const': 'error',
    },
  },
  {
    files: ['build.mjs', 'eslint.config.js', 'test/**'],
    languageOptions: { globals: globals.node },
    // A suite is one function.
    rules: { 'max-lines-per-function': 'off' },
  },
];
