/* SPDX-License-Identifier: MIT */
/* The table of sources, and the one that needs nobody: presets. */

#include "daemon/sources.h"

void
mt_findings_add(struct mt_findings *found, const struct mt_offer *offers, size_t n)
{
	for (size_t i = 0; i < n && found->n_offers < MT_OFFERS_TOTAL_MAX; i++)
		found->offers[found->n_offers++] = offers[i];
}

void
mt_findings_note(struct mt_findings *found, enum mt_discovery source, enum mt_left_out why,
		 uint32_t n)
{
	if (n > 0 && found->n_notes < MT_ARRAY_SIZE(found->notes))
		found->notes[found->n_notes++] = (struct mt_source_note){source, why, n};
}

/* A document that cannot be read may have been about this domain: what other sources say is then no
 * better than an answer with a part missing. */
static int
ask_presets(struct mt_source_run *run)
{
	struct mt_offer offers[MT_OFFERS_MAX];
	const struct mt_presets *presets = run->options->presets;
	const size_t n = mt_presets_find(presets, run->domain, offers);

	mt_findings_add(run->found, offers, n);
	run->found->answered |= MT_BIT(MT_DISCOVERY_ADMIN);
	if (n == 0 && mt_presets_n_broken(presets) > 0) {
		run->found->is_incomplete = true;
		mt_findings_note(run->found, MT_DISCOVERY_ADMIN, MT_LEFT_OUT_SOURCE_BROKEN,
				 (uint32_t)mt_presets_n_broken(presets));
	}
	return 0;
}

const struct mt_source mt_sources[] = {
	{MT_DISCOVERY_ADMIN, ask_presets, NULL},
	{MT_DISCOVERY_SRV, mt_source_srv_start, mt_source_srv_cancel},
	{MT_DISCOVERY_PACC, mt_source_document_start, mt_source_document_cancel},
	{MT_DISCOVERY_AUTOCONFIG, mt_source_document_start, mt_source_document_cancel},
	{MT_DISCOVERY_AUTOCONFIG_HTTP, mt_source_document_start, mt_source_document_cancel},
};
const size_t mt_n_sources = MT_ARRAY_SIZE(mt_sources);
