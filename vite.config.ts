import { defineConfig } from "vite";

const source = (name: string): string => `static/src/${name}.ts`;

export default defineConfig({
  base: "./",
  publicDir: false,
  build: {
    outDir: "static/dist",
    emptyOutDir: true,
    manifest: "manifest.json",
    target: "es2022",
    // No data: addresses in style sheets: the content security policy allows own files only.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 900,
    rollupOptions: {
      input: [
        source("main"),
        source("editor"),
        source("live"),
        source("live-all"),
        source("insight"),
        source("call"),
        source("call-compare"),
        source("version"),
        source("compare"),
        source("tests"),
        source("test"),
        source("proof"),
        source("review"),
        source("deployment"),
      ],
    },
  },
  worker: { format: "es" },
});
