import jsxA11y from 'eslint-plugin-jsx-a11y';
import reactHooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['dist/**', 'coverage/**', 'next/**', 'pkg/**', 'src/dashboards/**', 'tests/exports/**'] },
  {
    files: ['**/*.{ts,tsx}'],
    extends: [...tseslint.configs.strict, reactHooks.configs.flat.recommended, jsxA11y.flatConfigs.recommended],
    languageOptions: { parserOptions: { ecmaFeatures: { jsx: true } } },
    rules: {
      'max-lines': ['error', 700],
      'no-console': 'error',
      'no-alert': 'error',
      eqeqeq: 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      // What the plugin catalogue refuses, and what would let hostile text become markup.
      'no-restricted-syntax': [
        'error',
        { selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']", message: 'Everything an attacker may have written is shown as text.' },
        { selector: "MemberExpression[property.name='grafanaBootData']", message: 'Use config from @grafana/runtime.' },
        { selector: 'ImportExpression', message: 'Chunks would need a public path that Grafana 10.1 and 13 tell differently.' },
      ],
      'no-restricted-imports': [
        'error',
        {
          paths: [
            { name: 'react-dom/client', message: 'Grafana 10.1 does not provide it.' },
            { name: 'rxjs/operators', message: 'Import from rxjs.' },
            { name: '@grafana/schema', message: 'Grafana does not provide it.' },
            { name: '@grafana/scenes', message: 'It needs a Grafana newer than 10.1.' },
            { name: '@grafana/ui', importNames: ['JSONFormatter', 'JsonExplorer', 'RenderUserContentAsHTML'], message: 'It makes links or markup of hostile text.' },
          ],
        },
      ],
    },
  },
  {
    files: ['src/ui/Choice.tsx'],
    rules: { 'no-restricted-imports': 'off' },
  }
);
