// The same outputs as digest's: articles, days, tickers, tags, sources, home; RSS of 20 in full. JavaScript templates: the fastest.
const PAGE = 50;

function group(articles, keysOf) {
  const groups = new Map();
  for (const article of articles)
    for (const key of keysOf(article)) {
      if (!groups.has(key)) groups.set(key, []);
      groups.get(key).push(article);
    }
  return [...groups.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, members]) => ({ name, members }));
}

// A list's pages: { name, url, cards, newer, older }.
function paged(name, base, members) {
  const last = Math.ceil(members.length / PAGE);
  const url = (number) => (number === 1 ? base : `${base}page/${number}/`);
  return Array.from({ length: last }, (_, index) => ({
    name,
    url: url(index + 1),
    feed: `${base}feed.xml`,
    cards: members.slice(index * PAGE, (index + 1) * PAGE),
    newer: index > 0 ? url(index) : "",
    older: index + 1 < last ? url(index + 2) : "",
  }));
}

const KINDS = {
  tickers: (article) => article.data.tickers,
  tags: (article) => article.data.tags,
  sources: (article) => [article.data.source.name],
};
const urlOf = (kind, name) => `/${kind}/${name.toLowerCase().replace(/ /g, "-")}/`;

module.exports = function (config) {
  const news = (api) => api.getFilteredByGlob("content/**/*.md").reverse();
  const kinds = (api) =>
    Object.entries(KINDS).map(([kind, keysOf]) => ({
      kind,
      groups: group(news(api), keysOf).map((found) => ({ ...found, url: urlOf(kind, found.name) })),
    }));
  const days = (api) => group(news(api), (article) => [article.date.toISOString().slice(0, 10)]);

  config.addCollection("news", (api) => {
    const articles = news(api);
    articles.forEach((article, index) => {
      article.data.newer = articles[index - 1];
      article.data.older = articles[index + 1];
    });
    return articles;
  });
  config.addCollection("kinds", kinds);
  config.addCollection("lists", (api) => [
    ...paged("Bench", "/", news(api)),
    ...kinds(api).flatMap(({ groups }) => groups.flatMap(({ name, url, members }) => paged(name, url, members))),
    ...days(api).map(({ name, members }) => ({ name, url: `/${name}/`, cards: members })),
  ]);
  config.addCollection("feeds", (api) => [
    { name: "Bench", url: "/", items: news(api).slice(0, 20) },
    ...kinds(api).flatMap(({ groups }) => groups.map(({ name, url, members }) => ({ name, url, items: members.slice(0, 20) }))),
  ]);
  return {
    markdownTemplateEngine: false,
    templateFormats: ["md", "11ty.js"],
    dir: { input: ".", includes: "_includes", output: "public" },
  };
};
