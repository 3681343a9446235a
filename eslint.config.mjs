// Odoo's front-end code: ES modules, its globals, its own rules run beside these (dev/lint).
import js from "@eslint/js";
import globals from "globals";

export default [
    { ignores: [".dev/**", "node_modules/**", "static/lib/**"] },
    {
        files: ["static/**/*.js"],
        languageOptions: {
            ecmaVersion: 2022,
            sourceType: "module",
            globals: { ...globals.browser, odoo: "readonly", luxon: "readonly" },
        },
        rules: {
            ...js.configs.recommended.rules,
            eqeqeq: ["error", "always", { null: "ignore" }],
            "no-unused-vars": ["error", { args: "none", caughtErrors: "none" }],
            "no-var": "error",
            "prefer-const": "error",
        },
    },
];
