package audit

import (
	"fmt"
	"time"

	"github.com/prometheus/common/model"
	"github.com/robfig/cron/v3"
)

// Config is the key `audit.report:`, for reports that the service writes by itself.
type Config struct {
	Schedule string         `yaml:"schedule"` // five cron fields, UTC; "" or off: never (default)
	Dir      string         `yaml:"dir"`      // default reports, below the storage folder
	Format   string         `yaml:"format"`   // html (default), markdown or json
	Period   model.Duration `yaml:"period"`   // that a report covers; default 7d
	Keep     int            `yaml:"keep"`     // reports that stay; default 52
}

// Formats are what reports are written as, with the endings of their files.
func Formats() map[string]string {
	return map[string]string{"html": ".html", "markdown": ".md", "json": ".json"}
}

// WithDefaults returns the configuration with what it leaves out.
func (c Config) WithDefaults() Config {
	if c.Dir == "" {
		c.Dir = "reports"
	}
	if c.Format == "" {
		c.Format = "html"
	}
	if c.Period == 0 {
		c.Period = model.Duration(7 * 24 * time.Hour)
	}
	if c.Keep == 0 {
		c.Keep = 52
	}
	return c
}

// On says whether reports are to be written at all.
func (c Config) On() bool { return c.Schedule != "" && c.Schedule != "off" }

// Validate names the key that is wrong, and the remedy.
func (c Config) Validate() error {
	c = c.WithDefaults()
	if _, ok := Formats()[c.Format]; !ok {
		return fmt.Errorf("audit.report.format: %q is none of html, markdown and json", c.Format)
	}
	if c.On() {
		if _, err := cron.ParseStandard(c.Schedule); err != nil {
			return fmt.Errorf("audit.report.schedule: %w (write five cron fields such as \"0 6 * * 1\", or off)", err)
		}
	}
	if c.Period <= 0 {
		return fmt.Errorf("audit.report.period: %s is not longer than 0 (write a duration such as 7d)", c.Period)
	}
	if c.Keep < 0 {
		return fmt.Errorf("audit.report.keep: %d is negative (write how many reports stay)", c.Keep)
	}
	return nil
}
