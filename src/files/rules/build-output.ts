interface BuildOutput {
  readonly maker: string;
  /** On the path of a file from the root. A site may be mounted below a prefix, so that none begins with `^`. */
  readonly path: RegExp;
}

/**
 * Where build tools put files whose names contain a hash of their content, with the source of each. In these directories
 * and forms a name never means other bytes, even where it does not show its hash, as in `_nuxt/BXq3kZ9a.js` and
 * `chunk-OVERVIEW.js`. Directories that a site may use for files of its own, such as `assets/` and `static/`, are not here.
 */
const BUILD_OUTPUTS: readonly BuildOutput[] = [
  {
    // kit.svelte.dev: adapter-node and adapter-vercel send `immutable` for `{appDir}/immutable/`.
    maker: 'SvelteKit',
    path: /\/_app\/immutable\/./,
  },
  {
    // nuxt.com: app.buildAssetsDir, which Nitro serves with a maxAge of one year, builds/ with one of a second.
    // `builds/latest.json` changes with each build, `builds/meta/` has one file a build; `@vite/` is the development server's.
    maker: 'Nuxt',
    path: /\/_nuxt\/(?!builds\/(?!meta\/)|@)./,
  },
  {
    // docs.astro.build: build.assets; the adapters for Cloudflare, Netlify and Vercel send `immutable` for it.
    maker: 'Astro',
    path: /\/_astro\/./,
  },
  {
    // nextjs.org: headers; `public, max-age=31536000, immutable` for /_next/static/, next/font in media/ included.
    // The development server's files are overwritten in place.
    maker: 'Next.js',
    path: /\/_next\/static\/(?!development\/)./,
  },
  {
    // angular.dev: outputHashing; esbuild.github.io: chunk-names, [name]-[hash] with eight digits of base32.
    // One hash in five has letters alone, and of the others many could be a word and a number.
    maker: 'Angular, esbuild',
    path: /\/(?:chunk|main|polyfills|runtime|scripts|styles|vendor|worker)-[A-Z2-7]{8}\.(?:css|m?js)(?:\.map)?$/,
  },
  {
    // bun.sh: Bun.build naming, chunk `[name]-[hash].[ext]` with eight digits of base32 in lower case.
    maker: 'Bun',
    path: /\/chunk-(?=[a-z]*\d)[0-9a-hjkmnp-tv-z]{8}\.(?:css|js)(?:\.map)?$/,
  },
  {
    // docs.unity3d.com: Web Player settings, Name Files As Hashes, which are MD5 hashes of the content.
    maker: 'Unity',
    path: /\/Build\/[0-9a-f]{32}\.(?:(?:data|framework\.js|symbols\.json|wasm)(?:\.br|\.gz|\.unityweb)?|loader\.js|jpg|png)$/,
  },
  {
    // qwik.dev: deployments; the adapters send `immutable` for /build/.
    maker: 'Qwik',
    path: /\/build\/q-[\w-]{8}\.(?:css|js)$/,
  },
  {
    // learn.microsoft.com: Blazor WebAssembly static files, fingerprints of ten digits of base36 since .NET 9.
    maker: 'Blazor',
    path: /\/_framework\/(?:[^/]+\/)?[^/]+\.(?=[a-z]*\d)[0-9a-z]{10}\.(?:dat|dll|js|pdb|wasm)(?:\.br|\.gz)?$/,
  },
];

/**
 * The build tool that put a file where a name never means other bytes; null for other files.
 * @param path from the root
 */
export function buildToolOf(path: string): string | null {
  const rooted = path.startsWith('/') ? path : `/${path}`;
  return BUILD_OUTPUTS.find((each) => each.path.test(rooted))?.maker ?? null;
}
