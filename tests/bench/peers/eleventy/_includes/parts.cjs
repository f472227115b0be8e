const escape = (text) => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

const page = (title, content, feed = "") => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escape(title)}</title>
${feed && `<link rel="alternate" type="application/rss+xml" href="${feed}">`}
</head>
<body>
<header><a href="/">Bench</a> <a href="/tickers/">Tickers</a></header>
<main>
${content}
</main>
<footer>Invented news about invented companies.</footer>
</body>
</html>
`;

const facts = ({ date, source, tickers }) => `<p><time datetime="${date.toISOString()}">${date.toISOString().slice(0, 10)}</time>
<a href="${source.url}">${escape(source.name)}</a>
${tickers.map((symbol) => `<a href="/tickers/${symbol.toLowerCase()}/">${symbol}</a>`).join(" ")}</p>`;

const card = ({ url, data }) => `<article>
<h2><a href="${url}">${escape(data.title)}</a></h2>
${facts(data)}
<p>${escape(data.summary)}</p>
</article>
`;

module.exports = { escape, page, facts, card };
