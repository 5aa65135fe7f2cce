/** How the reference looks. Its hash is in the page's policy: no other style, and no script, runs there. */
export const STYLE = `
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --get: #0a7f4f; --post: #2457c5; --put: #8a5a00; --delete: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --get: #4cc38a; --post: #7aa2ff; --put: #e0a93b; --delete: #ff7b72; } }
* { box-sizing: border-box; }
body { margin: 0; font: 15px/1.55 system-ui, sans-serif; display: grid; grid-template-columns: 20rem minmax(0, 1fr); }
nav { position: sticky; top: 0; height: 100vh; overflow: auto; padding: 1.25rem 1rem; border-right: 1px solid var(--line); }
nav h1 { font-size: 1.1rem; margin: 0 0 .75rem; }
nav ul { list-style: none; margin: 0; padding: 0; font-size: .8rem; }
nav a { display: flex; align-items: baseline; padding: .2rem .25rem; color: inherit; text-decoration: none; overflow-wrap: anywhere; border-radius: 4px; }
nav a:hover, nav a:focus-visible { background: var(--soft); }
main { padding: 1.5rem 2.5rem 6rem; max-width: 62rem; }
section { padding: 1.25rem 0; border-top: 1px solid var(--line); scroll-margin-top: 1rem; }
section:target h2 { background: var(--soft); }
h2 { font-size: 1.05rem; margin: 0 0 .5rem; overflow-wrap: anywhere; }
h3 { font-size: .85rem; margin: 1rem 0 .25rem; }
code { font: .88em ui-monospace, monospace; background: var(--soft); padding: .05em .3em; border-radius: 4px; overflow-wrap: anywhere; }
b.get { color: var(--get); } b.post { color: var(--post); } b.put, b.patch { color: var(--put); } b.delete { color: var(--delete); }
nav b { flex: 0 0 3.6rem; font-size: .7rem; }
td:first-child { width: 9rem; }
table { border-collapse: collapse; width: 100%; }
td { border-top: 1px solid var(--line); padding: .3rem .75rem .3rem 0; vertical-align: top; }
details { margin: .5rem 0; } summary { cursor: pointer; font-weight: 600; font-size: .85rem; }
ul.tree { list-style: none; margin: .25rem 0; padding-left: 1rem; border-left: 1px solid var(--line); font-size: .87rem; }
ul.tree i { opacity: .65; } p.lines { white-space: pre-line; margin: 0; opacity: .8; }
@media (max-width: 50rem) { body { display: block; } nav { position: static; height: auto; border: 0; } main { padding: 1rem; } }
`;
