import tseslint from 'typescript-eslint';

const noEnvironment = {
  object: 'process',
  property: 'env',
  message: 'Only config/env.ts reads the environment; take what you need from its view.',
};

export default tseslint.config(
  { ignores: ['node_modules/', 'dist/', '.slipway/', 'coverage/', 'lab/.cache/', '**/*.mjs', '**/*.cjs'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      // An async update validator never rejects and wedges its workflow: TypeScript takes Promise<void> for void.
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: true }],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true, allowNullish: true },
      ],
      // A port's method may be async by its type with nothing to await in one adapter.
      '@typescript-eslint/require-await': 'off',
      'no-restricted-syntax': [
        'error',
        { selector: 'TSEnumDeclaration', message: 'Use an `as const` object and a union of its values.' },
      ],
      'no-restricted-properties': ['error', noEnvironment],
      eqeqeq: ['error', 'always'],
    },
  },
  {
    files: ['config/**', 'lab/**', 'bench/**', 'cli/**', 'test/**'],
    rules: { 'no-restricted-properties': 'off' },
  },
  {
    files: ['workflows/**/*.ts', 'domain/**/*.ts'],
    rules: {
      // Replay must see what the first run saw; domain/ runs inside workflows.
      'no-restricted-globals': [
        'error',
        ...['process', 'Buffer', 'fetch', 'setImmediate', 'performance'].map((name) => ({
          name,
          message: 'Not in workflows: replay would differ.',
        })),
      ],
      'no-restricted-syntax': [
        'error',
        { selector: 'TSEnumDeclaration', message: 'Use an `as const` object and a union of its values.' },
        {
          selector: 'CallExpression[callee.object.name="Math"][callee.property.name="random"]',
          message: 'Not in workflows: replay would differ.',
        },
      ],
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      // Tests read answers whose shape they then assert.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/unbound-method': 'off',
      'no-restricted-syntax': [
        'error',
        {
          selector:
            'MemberExpression[object.name=/^(it|test|describe)$/][property.name=/^(only|skip|todo|failing)$/]',
          message: 'A skip is printed with its reason by the suite, never left in the code.',
        },
        {
          selector: 'CallExpression[callee.name=/^(xit|xtest|xdescribe|fit|fdescribe)$/]',
          message: 'No skipped or focused tests.',
        },
      ],
    },
  },
  // The one place that may skip, with its reason in the title.
  { files: ['test/support/when.ts'], rules: { 'no-restricted-syntax': 'off' } },
);
