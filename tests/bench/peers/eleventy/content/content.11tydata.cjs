module.exports = {
  layout: "article.11ty.cjs",
  permalink: ({ page }) => `${page.filePathStem.replace("/content/", "/")}/`,
};
