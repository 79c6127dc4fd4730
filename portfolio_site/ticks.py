"""What beat sends, and every how many seconds."""

TICKS = {
    "fetch the market days that are due": ("assets.ingest_due", 60),
    "take over ingestions whose worker is gone": ("assets.sweep", 15),
    "fetch the histories that somebody asked for": ("assets.backfill_due", 60),
    "look for gaps in the histories, once a night": ("assets.repair_gaps", 300),
    "fetch corporate actions, once a night": ("portfolios.fetch_actions", 300),
    "propose the coupons of bonds whose day has come": ("portfolios.propose_coupons", 900),
    "apply the corporate actions whose day has come": ("portfolios.apply_actions", 300),
    "pay back the term deposits whose day has come": ("banking.settle_deposits", 300),
    "pay what is scheduled": ("banking.run_schedules", 60),
    "recompute stale portfolios": ("analytics.refresh_stale", 30),
    "test the value at risk, once a night": ("analytics.backtest_due", 300),
    "sum the bank and look for risks, once a night": ("analytics.bank_report_due", 300),
    "run the optimisations that no worker has": ("analytics.optimise_due", 30),
    "make the long reports that no worker has": ("analytics.reports_due", 30),
    "forget old reports": ("analytics.forget_reports", 3600),
    "check and book the files that no worker has": ("portfolios.imports_due", 30),
    "forget old intraday prices": ("assets.forget_intraday", 3600),
    "forget old idempotency keys": ("activity.forget_keys", 3600),
    "show that beat is alive": ("portfolio_site.heartbeat", 15),
}
